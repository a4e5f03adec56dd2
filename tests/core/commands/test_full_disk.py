"""A full disk under a report, a sheet, an export, a chosen one: a sentence, and what was there stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from disks import disk_of
from loras import write_lora
from sweeps import PLAN, SMALL, fill

from bespoke_core.cli import main
from bespoke_core.evaluation.choosing import verdict_of
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.store import SweepFolder
from bespoke_core.files import sha256_of_file


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB of its own, where this user may make one."""
    with disk_of("1m", tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A sweep's folder with its table, of a LoRA that is there."""
    lora = tmp_path / "loras" / "run.safetensors"
    write_lora(lora, 0.5)
    checkpoint = replace(PLAN.checkpoints[0], path=lora, sha256=sha256_of_file(lora))
    plan = replace(PLAN, checkpoints=(checkpoint,), seeds=(1, 2, 3))
    store = ResultsStore(tmp_path / "results.sqlite")
    sweep = SweepFolder(tmp_path / "sweeps" / "one", plan, SMALL, store)
    sweep.write_plan()
    fill(sweep)
    sweep.write_table(sweep.rows())
    return sweep.root


def fill_up(disk: Path) -> None:
    """Leave no room on a disk but a few KiB."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"\0" * 4096)
        except OSError:
            filler.truncate(max(0, filler.tell() - 8192))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "filler"
    }


COMMANDS: dict[str, Callable[[Path, Path], list[str]]] = {
    "report": lambda sweep, disk: ["report", str(sweep), "--output", str(disk / "report")],
    "sheet": lambda sweep, disk: ["sheet", str(sweep), "--output", str(disk / "sheet")],
    "export": lambda sweep, disk: ["export", str(sweep), "--output", str(disk / "all.json")],
    "choose": lambda sweep, disk: ["choose", str(sweep), "--output", str(disk / "best.safetensors")],
}


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize("before", [False, True], ids=["the first time", "over an earlier one"])
def test_it_is_one_sentence_and_nothing_half_written_is_left(
    verb: str, before: bool, small_disk: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[verb](results, small_disk)
    if before:
        assert main(command) == 0
        capsys.readouterr()
    there = contents(small_disk)
    fill_up(small_disk)
    assert main(command) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1, told.err
    assert told.err.startswith(f"error: {command[-1]}: cannot be written (No space left on device)")
    assert "Free some space" in told.err
    assert contents(small_disk) == there
    assert not [path for path in small_disk.iterdir() if path.name.startswith(".")]
    (small_disk / "filler").unlink()
    assert main(command) == 0, "with some space it works"


def test_a_chosen_checkpoint_that_is_there_is_whole_after_a_failure(
    small_disk: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS["choose"](results, small_disk)
    assert main(command) == 0
    fill_up(small_disk)
    assert main(command) == 2
    assert "an earlier chosen one there stays as it is" in capsys.readouterr().err
    verdict = verdict_of(small_disk / "best.safetensors")
    assert verdict is not None
    assert verdict["best"] == "run"
