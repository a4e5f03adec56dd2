"""Captions in memory: audited, cleaned, and both from one parse, against a plain regular expression.

The rival removes codes in round brackets and everything from `palette:` on with two regular expressions: what
the original experiment's script did, without reading or writing a file. It finds nothing, and leaves what it
does not know. All passes take turns in this process; the figures are medians. Before each turn all phrases
are forgotten, so that every turn is the first meeting with its captions.

    python benchmarks/captions_text.py
    python benchmarks/captions_text.py --data ../shared/data/bespoke-punks/captions_original

Without `--data` the captions are made by chance, as long and with as many codes as real ones.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from captions_folder import caption

from bespoke_core.captions import wording
from bespoke_core.captions.checks import (
    Reading,
    check_codes,
    check_colours,
    check_style,
    check_text,
    read_caption,
)
from bespoke_core.captions.clean import clean_caption, clean_parsed
from bespoke_core.captions.findings import Finding
from bespoke_core.captions.style import DEFAULT_STYLE_PHRASES, normal_set

ROUNDS = 9
STYLES = normal_set(DEFAULT_STYLE_PHRASES)
_CODE = re.compile(r"\s*\(#[0-9a-fA-F]{6}\)")
_PALETTE = re.compile(r",?\s*palette:.*", re.DOTALL)


def substitute(text: str) -> str:
    """Clean as the original script did."""
    return _PALETTE.sub("", _CODE.sub("", text))


def findings(reading: Reading) -> list[Finding]:
    """Ask all that is asked of a caption alone."""
    return [
        *check_codes(reading),
        *check_text(reading),
        *check_style(reading, STYLES),
        *check_colours(reading),
    ]


def audit(text: str) -> list[Finding]:
    """Parse and audit."""
    return findings(read_caption("a.txt", text))


def audit_and_clean(text: str) -> tuple[list[Finding], str]:
    """Parse once, audit and clean."""
    reading = read_caption("a.txt", text)
    return findings(reading), clean_parsed(reading.caption).text


PASSES: dict[str, Callable[[str], object]] = {
    "regular expression": substitute,
    "clean": clean_caption,
    "audit": audit,
    "audit and clean": audit_and_clean,
}


def captions_of(data: Path | None, count: int) -> list[str]:
    """Return a folder's captions, or so many made by chance."""
    if data is not None:
        return [path.read_text(encoding="utf-8") for path in sorted(data.glob("*.txt"))]
    chance = random.Random(0)
    return [caption(chance) for _ in range(count)]


def seconds(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return how long one pass over the captions takes when none of their phrases is known."""
    wording.remembered_wording.cache_clear()
    wording.remembered_wording_before_code.cache_clear()
    start = time.perf_counter()
    for text in texts:
        work(text)
    return time.perf_counter() - start


def measure(texts: Sequence[str], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median time of each pass in seconds."""
    taken: dict[str, list[float]] = {name: [] for name in PASSES}
    for _ in range(rounds):
        for name, work in PASSES.items():
            taken[name].append(seconds(work, texts))
    return {name: statistics.median(times) for name, times in taken.items()}


def table(measured: dict[str, dict[str, float]], counts: dict[str, int]) -> str:
    """Return a Markdown table: captions a second, microseconds a caption, and the time over the rival's."""
    lines = [
        "| captions | pass | captions a second | µs a caption | times the regular expression |",
        "|---|---|--:|--:|--:|",
    ]
    for kind, medians in measured.items():
        rival = medians["regular expression"]
        for name, time_taken in medians.items():
            speed = counts[kind] / time_taken
            lines.append(f"| {kind} | {name} | {speed:,.0f} | {1e6 / speed:.1f} | {time_taken / rival:.1f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure captions with codes and the same ones cleaned, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder with captions")
    parser.add_argument("--captions", type=int, default=5000, help="how many to make without one")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    dirty = captions_of(options.data, options.captions)
    kinds = {"with codes": dirty, "cleaned": [clean_caption(text).text for text in dirty]}
    codes = sum(text.count("#") for text in dirty)
    length = sum(map(len, dirty)) / len(dirty)
    found = sum(len(audit(text)) for text in dirty)
    print(
        f"{len(dirty):,} captions of {length:.0f} characters with {codes / len(dirty):.1f} codes, "
        f"{found / len(dirty):.1f} findings a caption; median of {options.rounds}, one core\n"
    )
    measured = {kind: measure(texts, options.rounds) for kind, texts in kinds.items()}
    print(table(measured, {kind: len(texts) for kind, texts in kinds.items()}))


if __name__ == "__main__":
    main()
