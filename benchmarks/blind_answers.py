"""Sides of a blind comparison, the answers to it, and their tally."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

SIDES = ("A", "B")
EQUAL = "="
_COLUMNS = ("pair", "better", "why")


@dataclass(frozen=True, slots=True)
class Sides:
    """One pair: its photograph, and the models that are shown as A and B."""

    photograph: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Key:
    """The key that the page hides: the models, and the sides of each pair in order."""

    models: tuple[str, str]
    pairs: tuple[Sides, ...]

    def save(self, file: Path) -> None:
        """Write the key as JSON; it must not exist yet."""
        with file.open("x", encoding="utf-8") as opened:
            json.dump(asdict(self), opened, indent=1)

    @classmethod
    def load(cls, file: Path) -> Key:
        """Read a key written by `save`."""
        content = json.loads(file.read_text(encoding="utf-8"))
        pairs = tuple(Sides(**each) for each in content["pairs"])
        first, second = content["models"]
        return cls((first, second), pairs)


@dataclass(frozen=True, slots=True)
class Tally:
    """Pairs won by each model, equal and unanswered ones, and the sign test."""

    wins: dict[str, int]
    equal: int
    unanswered: int
    p_value: float
    """Two-sided, of the pairs that someone won, against a fair coin."""


def shuffle(models: tuple[str, str], photographs: Sequence[str], seed: int) -> Key:
    """Put the photographs into random order and the models on random sides."""
    rng = np.random.default_rng(seed)
    pairs = []
    for index in rng.permutation(len(photographs)):
        a, b = models if rng.random() < 0.5 else models[::-1]
        pairs.append(Sides(photographs[index], a, b))
    return Key(models, tuple(pairs))


def write_form(file: Path, pairs: int) -> None:
    """Write a CSV file with a line for each pair, to be filled in."""
    with file.open("x", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerows([_COLUMNS, *((pair, "", "") for pair in range(1, pairs + 1))])


def read_answers(file: Path) -> dict[int, str]:
    """Read the form: A, B, = or nothing for each pair, in either case.

    Raises: ValueError for anything else, and for a pair that is answered twice.
    """
    answers: dict[int, str] = {}
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            pair, answer = int(row["pair"]), (row["better"] or "").strip().upper()
            if answer not in (*SIDES, EQUAL, ""):
                raise ValueError(f"pair {pair}: the answer is A, B or =, not {answer!r}")
            if pair in answers:
                raise ValueError(f"pair {pair} is answered twice")
            answers[pair] = answer
    return answers


def tally(key: Key, answers: dict[int, str]) -> Tally:
    """Count the pairs that each model won.

    Raises: ValueError for an answer to a pair that does not exist.
    """
    unknown = answers.keys() - range(1, len(key.pairs) + 1)
    if unknown:
        raise ValueError(f"there is no pair {min(unknown)}")
    wins = dict.fromkeys(key.models, 0)
    given = [answers.get(number, "") for number in range(1, len(key.pairs) + 1)]
    for sides, answer in zip(key.pairs, given, strict=True):
        if answer in SIDES:
            wins[sides.a if answer == "A" else sides.b] += 1
    first, second = (wins[model] for model in key.models)
    return Tally(wins, given.count(EQUAL), given.count(""), sign_test(first, second))


def sign_test(first: int, second: int) -> float:
    """Return the two-sided p-value of a split at least as uneven, if both were equally likely."""
    count = first + second
    tail = sum(math.comb(count, few) for few in range(min(first, second) + 1))
    return min(1.0, 2 * tail / 2**count)
