"""How often a colour that repair names is the one that people see, and how much of a real set it repairs.

Against the rule that needs no picture region: trust a code that stands beside one phrase alone and whose
colour is in the picture. The judges are labels given by eye (`tests/data/feature_colours.csv`): a name is
right when each of its basic colour words is accepted for that feature of that picture.

    python benchmarks/repair_captions.py CAPTIONS IMAGES
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np

from bespoke_core.captions.checks import Reading, colourless_features, read_caption
from bespoke_core.captions.picture_checks import is_near
from bespoke_core.captions.pixels import Look, look_at
from bespoke_core.captions.repair import repair_caption
from bespoke_core.color.codes import parse_hex
from bespoke_core.color.names import name_of
from bespoke_core.color.skin import name_of_skin

LABELS = Path(__file__).resolve().parents[1] / "tests" / "data" / "feature_colours.csv"
Label = dict[str, str]
Key = tuple[str, str]


def read_labels(path: Path) -> dict[Key, Label]:
    """Return the labels by (picture, feature)."""
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["picture"], row["feature"]): row for row in csv.DictReader(file)}


def by_lone_codes(reading: Reading, look: Look) -> Iterator[Key]:
    """Yield (feature, name) by the rival's rule: the only code of a phrase, beside no other phrase."""
    owners: dict[str, set[int | None]] = {}
    for code in reading.caption.codes:
        owners.setdefault(code.hex, set()).add(code.phrase)
    for feature, part in colourless_features(reading).items():
        values = {code.hex for code in reading.caption.codes_of(reading.caption.phrases[part.index])}
        if len(values) != 1:
            continue
        value = next(iter(values))
        if owners[value] - {None} == {part.index} and is_near(value, look.colors).any():
            color = np.array(parse_hex(value), dtype=np.uint8)
            yield feature, name_of_skin(color) if feature == "skin" else name_of(color)


def measure(captions: Path, images: Path, labels: dict[Key, Label]) -> Counter[tuple[str, str, str]]:
    """Count by (rule, feature, what): "colourless", "named", "judged", "right", and the same "held out"."""
    known = {word for label in labels.values() for word in label["accepted"].split()}
    counts: Counter[tuple[str, str, str]] = Counter()

    def judge(rule: str, picture: str, feature: str, name: str) -> None:
        counts[rule, feature, "named"] += 1
        label = labels.get((picture, feature))
        if label is None:
            return
        words = {word for word in re.findall("[a-z]+", name) if word in known}
        right = bool(words) and words <= set(label["accepted"].split())
        for suffix in ("", " held out") if label["use"] == "held out" else ("",):
            counts[rule, feature, "judged" + suffix] += 1
            counts[rule, feature, "right" + suffix] += right

    for path in sorted(captions.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        reading = read_caption(path.name, text)
        look = look_at(images / f"{path.stem}.png")
        for feature in colourless_features(reading):
            counts["", feature, "colourless"] += 1
        for repair in repair_caption(reading, text, look).repairs:
            judge("repair", path.stem, repair.feature, repair.name)
        for feature, name in by_lone_codes(reading, look):
            judge("lone code", path.stem, feature, name)
    return counts


def table(counts: Counter[tuple[str, str, str]]) -> str:
    """Return the counts as Markdown."""
    features = sorted({feature for _, feature, what in counts if what == "colourless"})
    lines = [
        "| feature | without a colour word | repaired | right | right, held out | lone codes | right |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for feature in [*features, "all"]:
        among = features if feature == "all" else [feature]

        def total(rule: str, what: str, among: list[str] = among) -> int:
            return sum(counts[rule, one, what] for one in among)

        def share(rule: str, suffix: str = "") -> str:
            judged, right = total(rule, "judged" + suffix), total(rule, "right" + suffix)
            return f"{right} of {judged} ({right / judged:.0%})" if judged else "-"

        missing = total("", "colourless")
        named = total("repair", "named")
        lines.append(
            f"| {feature} | {missing} | {named} ({named / missing:.0%}) | {share('repair')} "
            f"| {share('repair', ' held out')} | {total('lone code', 'named')} | {share('lone code')} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", type=Path, help="folder of the captions as they were written")
    parser.add_argument("images", type=Path, help="folder of their pictures")
    parser.add_argument("--labels", type=Path, default=LABELS, help="labels given by eye")
    arguments = parser.parse_args()
    print(table(measure(arguments.captions, arguments.images, read_labels(arguments.labels))))


if __name__ == "__main__":
    main()
