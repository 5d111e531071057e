"""Two models compared by eye, names hidden: `python -m benchmarks.blind OUT --models ONE TWO`.

Writes index.html with a picture per photograph, LR beside the outputs A and B, and answers.csv to
be filled in with A, B or =. Which model is A is drawn for each pair and kept in OUT.key.json, which
whoever judges must not open. `python -m benchmarks.blind OUT --count` then prints the tally. The
photographs themselves are not shown: people prefer what looks real, not what is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.blind_answers import Key, Tally, read_answers, shuffle, tally, write_form
from benchmarks.photo_models import open_model
from benchmarks.photo_sets import SETS, Window, open_set
from benchmarks.photographs import evenly, photographs
from benchmarks.section import say
from sr_core.imaging.contact_sheet import Pane, contact_sheet
from sr_core.imaging.resample import resize_pixels

FORM = "answers.csv"
_ZOOM = 2
_QUESTION = "Which is the better enlargement of the left picture, A or B? If neither is: ="
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Blind comparison</title>
<style>body {{ font-family: sans-serif }} img {{ display: block; margin: 2em 0 }}</style>
<h1>Blind comparison of {count} pairs</h1>
<p>{question}. Type the answers into {form}.</p>
{pictures}
</html>
"""


def main() -> None:
    """Write the pages, or count the answers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="new folder")
    parser.add_argument("--count", action="store_true", help="print the tally of answers.csv")
    parser.add_argument("--models", nargs=2, metavar=("ONE", "TWO"), help="as in benchmarks.photo")
    parser.add_argument("--set", choices=SETS, default="archive")
    parser.add_argument("--folder", type=Path, help="photographs; default: the shared ones")
    parser.add_argument("--pairs", type=int, help="photographs, evenly chosen; default: all")
    parser.add_argument("--seed", type=int, default=0, help="of order and sides")
    arguments = parser.parse_args()
    key_file = arguments.output.with_name(f"{arguments.output.name}.key.json")
    if arguments.count:
        answers = read_answers(arguments.output / FORM)
        print(tally_text(tally(Key.load(key_file), answers)))
        return
    if arguments.models is None:
        parser.error("--models ONE TWO is needed, or --count")
    files = sorted(arguments.folder.iterdir()) if arguments.folder else photographs()
    windows = open_set(arguments.set, evenly(files, arguments.pairs))
    first, second = arguments.models
    key = shuffle((first, second), [window.photograph for window in windows], arguments.seed)
    write_pages(arguments.output, key, windows)
    key.save(key_file)
    print(f"wrote {arguments.output / 'index.html'} and {arguments.output / FORM}")


def write_pages(output: Path, key: Key, windows: list[Window]) -> None:
    """Write a picture per pair, the page that shows them, and the form, into a new folder."""
    output.mkdir(parents=True)
    upscale = {model: open_model(model, "float32") for model in key.models}
    by_name = {window.photograph: window for window in windows}
    names = []
    for number, sides in enumerate(key.pairs, start=1):
        say(f"pair {number} of {len(key.pairs)}")
        window = by_name[sides.photograph]
        lr = resize_pixels(window.lr, *window.hr.shape[:2], "nearest")
        row = [
            Pane(lr, ("source",)),
            Pane(upscale[sides.a](window.lr, window.jpeg), ("A",)),
            Pane(upscale[sides.b](window.lr, window.jpeg), ("B",)),
        ]
        names.append(f"pair-{number:02d}.png")
        sheet = contact_sheet(f"Pair {number}", _QUESTION, [row], _ZOOM)
        (output / names[-1]).write_bytes(sheet)
    pictures = "\n".join(f'<img src="{name}" alt="{name}" loading="lazy">' for name in names)
    page = _PAGE.format(count=len(names), question=_QUESTION, form=FORM, pictures=pictures)
    (output / "index.html").write_text(page, encoding="utf-8")
    write_form(output / FORM, len(names))


def tally_text(found: Tally) -> str:
    """Return the counts and the sign test, for a person."""
    wins = ", ".join(f"{model} {count}" for model, count in found.wins.items())
    return (
        f"better: {wins}; equal {found.equal}; unanswered {found.unanswered}; "
        f"two-sided sign test p = {found.p_value:.3f}"
    )


if __name__ == "__main__":
    main()
