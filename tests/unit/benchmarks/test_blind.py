"""The blind comparison: sides by a seed, a page that names no model, and a fair count."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from scipy.stats import binomtest

from benchmarks.blind import FORM, main, tally_text
from benchmarks.blind_answers import Key, Sides, read_answers, shuffle, sign_test, tally
from tests.support.photograph import photograph

NAMES = [f"{index}.png" for index in range(40)]
KEY = Key(("mine", "peer"), (Sides("a", "mine", "peer"), Sides("b", "peer", "mine")) * 2)


def test_the_seed_decides_order_and_sides() -> None:
    key = shuffle(("mine", "peer"), NAMES, 3)
    assert key == shuffle(("mine", "peer"), NAMES, 3)
    assert key != shuffle(("mine", "peer"), NAMES, 4)
    assert sorted(sides.photograph for sides in key.pairs) == sorted(NAMES)
    assert {(sides.a, sides.b) for sides in key.pairs} == {("mine", "peer"), ("peer", "mine")}
    assert 8 < sum(sides.a == "mine" for sides in key.pairs) < 32


def test_answers_are_counted_for_the_model_on_that_side() -> None:
    found = tally(KEY, {1: "A", 2: "B", 3: "B", 4: "="})
    assert found.wins == {"mine": 2, "peer": 1}
    assert (found.equal, found.unanswered, found.p_value) == (1, 0, 1.0)
    assert tally(KEY, {2: "A"}).unanswered == 3
    assert tally_text(found) == (
        "better: mine 2, peer 1; equal 1; unanswered 0; two-sided sign test p = 1.000"
    )


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (3, 9), (20, 6), (0, 34)])
def test_the_sign_test_is_the_exact_binomial_one(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert sign_test(first, second) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("lines", "says"),
    [("1,C,", "the answer is A, B or =, not 'C'"), ("1,A,\n1,B,", "pair 1 is answered twice")],
)
def test_an_unclear_answer_is_refused(lines: str, says: str, tmp_path: Path) -> None:
    form = tmp_path / FORM
    form.write_text(f"pair,better,why\n{lines}\n")
    with pytest.raises(ValueError, match=says):
        read_answers(form)
    with pytest.raises(ValueError, match="there is no pair 7"):
        tally(KEY, {7: "A"})


def test_a_comparison_from_pages_to_tally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for seed in range(3):
        Image.fromarray(photograph(64, 64, seed=seed)).save(photos / f"{seed}.png")
    arguments = ["blind", str(out), "--models", "nearest", "bicubic", "--folder", str(photos)]
    monkeypatch.setattr("sys.argv", arguments)
    main()
    assert {path.name for path in out.iterdir()} == {
        "index.html",
        FORM,
        *(f"pair-0{number}.png" for number in (1, 2, 3)),
    }
    shown = (out / "index.html").read_text() + (out / FORM).read_text()
    assert "nearest" not in shown
    assert "bicubic" not in shown
    assert [line.split(",")[0] for line in (out / FORM).read_text().split()[1:]] == ["1", "2", "3"]
    key = Key.load(tmp_path / "out.key.json")
    choices = ["b" if sides.b == "nearest" else "a" for sides in key.pairs]
    rows = [f"{number},{choice},sharper" for number, choice in enumerate(choices, start=1)]
    (out / FORM).write_text("\n".join(["pair,better,why", *rows]) + "\n")
    monkeypatch.setattr("sys.argv", ["blind", str(out), "--count"])
    capsys.readouterr()
    main()
    assert "nearest 3, bicubic 0; equal 0; unanswered 0" in capsys.readouterr().out


def test_a_comparison_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for folder in (photos, out):
        folder.mkdir()
    Image.fromarray(photograph(64, 64)).save(photos / "0.png")
    arguments = ["blind", str(out), "--models", "nearest", "bicubic", "--folder", str(photos)]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(FileExistsError):
        main()
