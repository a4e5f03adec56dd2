"""A folder of many captions: audited and cleaned, against a plain regular expression over the same files.

Each pass is a process of its own, so that its peak memory is its own, and the passes take turns. The rival
reads every file, removes codes in round brackets and everything from `palette:` on with two regular
expressions, and writes the result into a new folder: what the original experiment's script did.

    python benchmarks/captions_folder.py                                  # 2,000, 10,000 and 20,000 captions
    python benchmarks/captions_folder.py --captions 100000
    python benchmarks/captions_folder.py --data ../shared/data/bespoke-punks --captions 0

With `--data` a real set is audited with its pictures: a folder with `captions_original` and `images_512`.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

if sys.platform != "win32":
    import resource

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

PASSES = {
    "regex": "regular expression, new folder",
    "audit": "audit, text",
    "clean": "clean, new folder",
    "in_place": "clean, in place with backup",
}
_HUES = ["red", "green", "blue", "brown", "black", "white", "gray", "pink", "purple", "orange", "teal", "tan"]
_TONES = ["", "light ", "dark ", "bright ", "pale ", "deep "]
_FEATURES = [
    "hair",
    "eyes",
    "skin",
    "background",
    "shirt",
    "hat",
    "beard",
    "lips",
    "jacket",
    "glasses",
    "scarf",
]
_EXTRAS = ["looking left", "slight smile", "freckles", "short and wavy", "parted in the middle", "worn low"]
_CODE = re.compile(r"\s*\(#[0-9a-fA-F]{6}\)")
_PALETTE = re.compile(r",?\s*palette:.*", re.DOTALL)


class Run(NamedTuple):
    """One pass over a folder.

    Attributes:
        seconds: from the first file listed to the last written; the interpreter's start is left out.
        peak: the process's largest resident memory, in MB; 0 where the system does not tell.
        start: the same before the first file.
    """

    seconds: float
    peak: float
    start: float


def caption(chance: random.Random) -> str:
    """Return a caption like the experiment's: some 500 characters, 18 codes, 200 tokens, 1 in 8 over 225."""
    codes = [f"#{chance.randrange(1 << 24):06x}" for _ in range(8)]
    phrases = ["bespoke punk, pixel art"]
    for feature in chance.sample(_FEATURES, 8):
        colour = chance.choice(_TONES) + chance.choice(_HUES)
        phrases.append(f"{colour} {feature} ({chance.choice(codes)})")
        if chance.random() < 0.75:
            phrases.append(chance.choice(_EXTRAS) + f" {chance.randrange(200)}")
    style = "sharp pixel edges, hard color borders, retro pixel art style"
    return f"{', '.join(phrases)}, palette: {', '.join(codes)}, {style}, {', '.join(codes[:2])}"


def write_captions(folder: Path, count: int, *, seed: int = 0) -> None:
    """Write `count` generated captions, the same for the same seed."""
    chance = random.Random(seed)
    folder.mkdir(parents=True)
    for index in range(count):
        (folder / f"punk_{index}.txt").write_text(caption(chance), encoding="utf-8")


def run_pass(name: str, folder: Path, output: Path) -> Run:
    """Run one pass in this process."""
    if name == "regex":
        start, began = peak_memory(), time.perf_counter()
        _plain(folder, output)
        return Run(time.perf_counter() - began, peak_memory(), start)
    from bespoke_core.captions.audit import audit_dataset
    from bespoke_core.captions.clean_dataset import clean_dataset
    from bespoke_core.captions.dataset import read_dataset

    start, began = peak_memory(), time.perf_counter()
    dataset = read_dataset(folder, skip_unreadable=True)
    if name == "audit":
        audit_dataset(dataset, pictures=False, keep=0)
    elif name == "clean":
        clean_dataset(dataset, output=output, keep=0)
    else:
        clean_dataset(dataset, in_place=True, keep=0)
    return Run(time.perf_counter() - began, peak_memory(), start)


def _plain(folder: Path, output: Path) -> None:
    output.mkdir()
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        (output / path.name).write_text(_PALETTE.sub("", _CODE.sub("", text)), encoding="utf-8")


def peak_memory() -> float:
    """Return this process's largest resident memory so far in MB; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def in_child(*words: str) -> dict[str, Any]:
    """Run this file with `--child` in a process of its own and return what it prints."""
    command = [sys.executable, str(Path(__file__).resolve()), "--child", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def measure(count: int, rounds: int, place: Path) -> dict[str, list[Run]]:
    """Measure all passes over `count` captions, in turn."""
    folder = place / f"captions_{count}"
    write_captions(folder, count)
    runs: dict[str, list[Run]] = {name: [] for name in PASSES}
    for _ in range(rounds):
        for name in PASSES:
            output = place / "output"
            runs[name].append(Run(**in_child(name, str(folder), str(output))))
            shutil.rmtree(output, ignore_errors=True)
            if name == "in_place":
                from bespoke_core.captions.backup import restore

                restore(folder)
                shutil.rmtree(folder / ".bespoke-backup")
    shutil.rmtree(folder)
    return runs


def rows(count: int, runs: dict[str, list[Run]]) -> list[str]:
    """Return the table's rows for one number of captions."""
    plain = statistics.median(run.seconds for run in runs["regex"])
    lines = []
    for name, what in PASSES.items():
        seconds = statistics.median(run.seconds for run in runs[name])
        peak = max(run.peak for run in runs[name])
        grown = peak - min(run.start for run in runs[name])
        lines.append(
            f"| {count:,} | {what} | {seconds:.2f} | {count / seconds:,.0f} | {seconds / plain:.1f} "
            f"| {peak:.0f} | {grown:.0f} |"
        )
    return lines


def real_set(data: Path, rounds: int) -> list[str]:
    """Return the lines about the audit of a real set with its pictures."""
    runs = [in_child("pictures", str(data), "") for _ in range(rounds)]
    seconds = [run["seconds"] for run in runs]
    first = runs[0]
    return [
        "",
        f"The real set: {first['captions']} captions with pictures, {first['findings']} findings, audited in "
        f"{statistics.median(seconds):.2f} s (median of {rounds}, from {min(seconds):.2f} to "
        f"{max(seconds):.2f}), {first['peak']:.0f} MB.",
    ]


def _audit_real(data: Path) -> dict[str, Any]:
    from bespoke_core.captions.audit import audit_dataset
    from bespoke_core.captions.dataset import read_dataset

    began = time.perf_counter()
    dataset = read_dataset(data / "captions_original", images=data / "images_512", skip_unreadable=True)
    audit = audit_dataset(dataset)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "captions": audit.captions,
        "findings": audit.total,
        "peak": peak_memory(),
    }


def main(argv: list[str] | None = None) -> None:
    """Print one Markdown table, and a line about the real set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--captions", type=int, default=20_000, help="measured at a tenth, a half and all")
    parser.add_argument("--rounds", type=int, default=1, help="each pass so often; the median counts")
    parser.add_argument("--data", type=Path, help="a real set with pictures")
    parser.add_argument("--child", nargs=3, metavar=("PASS", "FOLDER", "OUTPUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.child:
        name, folder, output = arguments.child
        result = _audit_real(Path(folder)) if name == "pictures" else None
        print(json.dumps(result or run_pass(name, Path(folder), Path(output))._asdict()))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}, {arguments.rounds} round(s)\n")
    if arguments.captions:
        print("| captions | pass | s | captions/s | times the plain pass | peak MB | of it for the set |")
        print("|---|---|---|---|---|---|---|")
    for count in sorted({arguments.captions // 10, arguments.captions // 2, arguments.captions} - {0}):
        with tempfile.TemporaryDirectory() as place:
            print("\n".join(rows(count, measure(count, arguments.rounds, Path(place)))), flush=True)
    if arguments.data:
        print("\n".join(real_set(arguments.data, max(3, arguments.rounds))))


if __name__ == "__main__":
    main()
