"""The store of results: several writers, one killed, other programs' files, a full disk, others' pictures."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sweeps import PLAN, SMALL, draw, fill, sweep_in

from bespoke_core.errors import BespokeError, InputError
from bespoke_core.evaluation.measuring import SpriteSettings
from bespoke_core.evaluation.records import CellRecord, ScoreRecord
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.store import SweepFolder
from bespoke_core.evaluation.store_errors import StoreError
from bespoke_core.files import sha256_of_file

WRITER = Path(__file__).resolve().parents[2] / "support" / "sweep_writer.py"


def contents(store: Path) -> list[tuple]:
    with sqlite3.connect(store) as connection:
        return connection.execute("SELECT folder, key, picture_sha256 FROM cells ORDER BY 1, 2").fetchall()


def start_writer(root: Path, store: Path, seeds: int) -> subprocess.Popen:
    pack = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(pack), str(WRITER.parent)])}
    return subprocess.Popen(
        [sys.executable, str(WRITER), str(root), str(store), str(seeds)], env=environment, text=True
    )


def test_two_processes_write_and_one_is_killed_in_the_middle_nothing_is_lost_or_double(
    tmp_path: Path,
) -> None:
    root, store, seeds = tmp_path / "sweeps" / "both", tmp_path / "results.sqlite", 30
    writers = [start_writer(root, store, seeds) for _ in range(2)]
    deadline = time.monotonic() + 60
    while len(list((root / "cells").glob("*.png"))) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writers[0].send_signal(signal.SIGKILL)
    assert writers[1].wait(120) == 0
    writers[0].wait(10)
    sweep = sweep_in(root, store, seeds)
    assert sweep.missing() == ()
    assert len(contents(store)) == len(sweep.plan.cells) == 120
    assert len(list((root / "cells").glob("*.png"))) == 120
    for _, record in sweep.finished():
        assert record.picture_sha256 == sha256_of_file(root / "cells" / record.picture)
    assert not list(root.rglob("*.tmp")) or len(list(root.rglob("*.tmp"))) <= 1, "only the killed one's own"


def test_a_process_killed_between_picture_and_row_leaves_a_picture_that_is_taken_up(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    fill(sweep)
    with sqlite3.connect(sweep.store.path) as connection:
        connection.execute("DELETE FROM cells WHERE key = ?", (sweep.plan.cells[0].key,))
    before = {p: p.stat().st_mtime_ns for p in (sweep.root / "cells").iterdir()}
    assert sweep.missing() == ()
    assert {p: p.stat().st_mtime_ns for p in (sweep.root / "cells").iterdir()} == before


def test_a_lost_store_is_made_again_from_the_pictures_which_say_what_they_are(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    fill(sweep)
    rows = sweep.rows()
    sweep.store.path.unlink()
    assert sweep.missing() == ()
    assert sweep.score_missing() == 4
    assert sweep.rows() == rows


def test_a_picture_of_another_run_put_under_a_cells_name_is_not_taken_for_it(tmp_path: Path) -> None:
    """The experiment compared with another run's picture; here no way of copying files leads to that."""
    ours = sweep_in(tmp_path / "ours", tmp_path / "results.sqlite")
    fill(ours)
    other_plan = replace(PLAN, checkpoints=(replace(PLAN.checkpoints[0], sha256="c" * 64),), with_base=False)
    other = SweepFolder(tmp_path / "other", other_plan, SMALL, ResultsStore(tmp_path / "results.sqlite"))
    theirs = [replace(cell) for cell in other.plan.cells]
    (other.root / "cells").mkdir(parents=True)
    for cell, foreign in zip(theirs, ours.plan.cells[2:], strict=True):
        # the same checkpoint name, prompt and seed: only the checkpoint's content differs
        source = ours.root / "cells" / f"{foreign.file_stem}.png"
        (other.root / "cells" / f"{cell.file_stem}.png").write_bytes(source.read_bytes())
    assert other.missing() == other.plan.cells
    assert other.rows() == []
    # not with a record of the older form either, unless it names this very picture
    cell = theirs[0]
    path = other.root / "cells" / f"{cell.file_stem}.png"
    old = {"picture": path.name, "picture_sha256": "0" * 64, "versions": {}, "settings": cell.settings()}
    (other.root / "cells" / f"{cell.key}.json").write_text(json.dumps(old))
    assert cell in other.missing()


def test_scores_belong_to_a_picture_and_not_to_a_name(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    fill(sweep)
    cell = PLAN.cells[0]
    record = dict(sweep.finished())[cell]
    sweep.store.put(sweep.folder, [replace(record, picture_sha256="d" * 64, stamp="")])
    assert cell.key not in sweep.store.scores(sweep.folder, SMALL.key)
    # the picture itself proves whose it is: its record is mended, and its scores are found again
    assert dict(sweep.finished())[cell].picture_sha256 == record.picture_sha256
    assert cell.key in sweep.store.scores(sweep.folder, SMALL.key)


def test_a_cell_drawn_in_one_sweep_is_copied_into_another(tmp_path: Path) -> None:
    store = tmp_path / "results.sqlite"
    fill(sweep_in(tmp_path / "sweeps" / "a", store))
    second = sweep_in(tmp_path / "sweeps" / "b", store, seeds=2)
    assert len(second.missing()) == 4
    assert len(list((second.root / "cells").glob("*.png"))) == 4
    assert len(second.rows()) == 4


def test_a_folder_of_the_older_form_is_read_and_nothing_is_drawn_again(tmp_path: Path) -> None:
    from PIL import Image

    sweep = sweep_in(tmp_path / "old", tmp_path / "old" / "results.sqlite")
    (sweep.root / "cells").mkdir(parents=True)
    for cell in sweep.plan.cells:
        path = sweep.root / "cells" / f"{cell.file_stem}.png"
        Image.fromarray(draw(cell)).save(path)
        record = {
            "key": cell.key,
            "settings": {},
            "picture": path.name,
            "picture_sha256": sha256_of_file(path),
            "versions": {"bespoke": "0.1.0"},
            "scores": {"unique_colors": 1},
            "scored_with": "something older",
        }
        (sweep.root / "cells" / f"{cell.key}.json").write_text(json.dumps(record))
    assert sweep.missing() == ()
    assert sweep.score_missing() == 4
    assert all(row.scores["unique_colors"] != 1 for row in sweep.rows())


def test_an_older_picture_beside_its_record_but_changed_since_is_missing(tmp_path: Path) -> None:
    test_a_folder_of_the_older_form_is_read_and_nothing_is_drawn_again(tmp_path)
    sweep = sweep_in(tmp_path / "old", tmp_path / "old" / "results.sqlite")
    sweep.store.path.unlink()
    cell = sweep.plan.cells[0]
    path = sweep.root / "cells" / f"{cell.file_stem}.png"
    path.write_bytes(path.read_bytes() + b" ")
    assert sweep.missing() == (cell,)


def test_a_changed_scorer_scores_again_without_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    fill(sweep)
    monkeypatch.setattr("bespoke_core.evaluation.measuring.SCORING_VERSION", 99)
    later = SweepFolder(sweep.root, sweep.plan, SpriteSettings(width=6, height=6), sweep.store)
    assert later.missing() == ()
    assert all("unique_colors" not in row.scores for row in later.rows())
    assert later.score_missing() == 4
    assert all("unique_colors" in row.scores for row in later.rows())


def test_the_largest_seed_and_odd_texts_come_back_as_they_were(tmp_path: Path) -> None:
    store = ResultsStore(tmp_path / "results.sqlite")
    settings = {**PLAN.cells[-1].settings(), "seed": 2**64 - 1, "prompt": "a 'lad'; \U0001f680\n--"}
    record = CellRecord("k", settings, "p.png", "a" * 64, versions={"torch": "2"}, seconds=1.5, created=2.0)
    store.put("a folder", [record], [ScoreRecord("a" * 64, settings["prompt"], "s", 1, {"x": None})])
    assert store.cells("a folder") == {"k": record}
    assert store.scores("a folder", "s") == {"k": {"x": None}}


def test_a_store_of_a_newer_form_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    fill(sweep)
    with sqlite3.connect(sweep.store.path) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = sweep.store.path.read_bytes()
    for attempt in (sweep.missing, lambda: sweep.save(PLAN.cells[0], draw(PLAN.cells[0]), versions={})):
        with pytest.raises(InputError, match="newer Bespoke"):
            attempt()
    assert sweep.store.path.read_bytes() == before


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="another program's"):
        sweep_in(tmp_path / "a", path).write_plan()
    assert path.read_bytes() == before


def test_a_damaged_store_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(InputError, match=r"is damaged.*Move it away"):
        sweep_in(tmp_path / "a", path).missing()


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow over 8 KiB in this process: what a full disk looks like from inside.

    Around the one call only: pytest's own output may be a file that has grown larger already.
    """
    resource = pytest.importorskip("resource")
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)


def test_a_full_disk_is_said_in_a_sentence_and_what_is_finished_stays(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    first, second = sweep.plan.cells[:2]
    sweep.save(first, draw(first), versions={})
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    with full_disk(), pytest.raises(StoreError, match=f"^{sweep.root}: cannot be written.*Free some space"):
        sweep.save(second, noise, versions={})
    assert first not in sweep.missing()
    assert second in sweep.missing()
    assert not list(sweep.root.rglob("*.tmp"))


def test_a_read_only_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    sweep = sweep_in(tmp_path / "file" / "a", tmp_path / "results.sqlite")
    with pytest.raises(BespokeError, match="cannot be written"):
        sweep.write_plan()


def test_the_time_of_earlier_pictures_tells_what_the_next_ones_take(tmp_path: Path) -> None:
    from bespoke_core.evaluation.expectation import expect

    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    told = expect(sweep.plan, sweep.missing(), sweep.store, "cpu")
    assert told.seconds is None
    assert "not known yet" in told.text()
    for seconds, cell in zip((2.0, 4.0, 90.0), sweep.plan.cells, strict=False):
        sweep.save(cell, draw(cell), versions={}, device="cpu", seconds=seconds)
    again = sweep_in(tmp_path / "b", tmp_path / "results.sqlite", seeds=2)
    told = expect(again.plan, again.missing(), again.store, "cpu")
    assert (told.pictures, told.missing, told.seconds) == (8, 5, 20.0)
    assert "3 are there already, 5 are to be drawn" in told.text()
    assert "about 20 s" in told.text()
    assert expect(again.plan, again.missing(), again.store, "cuda").seconds is None
