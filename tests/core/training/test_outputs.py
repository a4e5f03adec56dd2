"""Which files a run writes, by kohya's rules."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.training import outputs
from bespoke_core.training.config import from_values
from bespoke_core.training.outputs import checkpoint_names, epochs_between_files
from bespoke_core.training.state_header import Place


def names(epochs: int, steps: int = 100, begin: Place | None = None, **keys: Any) -> tuple[str, ...]:
    config = from_values({"output_name": "lad", **keys})
    return checkpoint_names(config, epochs=epochs, steps=steps, begin=begin or Place())


def test_epochs_and_steps_are_named_as_kohya_names_them() -> None:
    assert names(3, 30, save_every_n_steps=12) == (
        "lad-000001.safetensors",
        "lad-000002.safetensors",
        "lad.safetensors",
        "lad-step00000012.safetensors",
        "lad-step00000024.safetensors",
    )
    assert names(5, save_every_n_epochs=2) == (
        "lad-000002.safetensors",
        "lad-000004.safetensors",
        "lad.safetensors",
    )


def test_a_run_that_begins_later_writes_what_comes_after() -> None:
    later = names(3, 30, Place(epoch=3, step=20), save_every_n_steps=10)
    assert later == ("lad.safetensors", "lad-step00000030.safetensors")


@pytest.mark.parametrize(("epochs", "ratio", "every"), [(10, 3, 3), (10, 4, 2), (3, 10, 1), (12, 1, 12)])
def test_a_ratio_gives_at_least_as_many_files(epochs: int, ratio: int, every: int) -> None:
    assert epochs_between_files(from_values({"save_n_epoch_ratio": ratio}), epochs) == every


def test_a_run_that_was_stopped_early_has_no_last_file() -> None:
    config = from_values({"output_name": "lad", "save_every_n_steps": 10})
    found = checkpoint_names(config, epochs=9, steps=90, begin=Place(), stopped=Place(epoch=2, step=20))
    assert found == (
        "lad-000001.safetensors",
        "lad-000002.safetensors",
        "lad-step00000010.safetensors",
        "lad-step00000020.safetensors",
    )


@given(epochs=st.integers(1, 60), ratio=st.integers(1, 60))
def test_no_two_files_share_a_name(epochs: int, ratio: int) -> None:
    found = names(epochs, epochs * 7, save_n_epoch_ratio=ratio, save_every_n_steps=3)
    assert len(set(found)) == len(found)
    assert sum("step" not in name for name in found) >= min(ratio, epochs)


def test_what_is_there_already_needs_no_room_and_a_whole_run_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    run, wanted = tmp_path / "run", ["a.safetensors", "b.safetensors"]
    with pytest.raises(InputError, match="the run needs about"):
        outputs.check_disk(run, 1500, wanted)
    run.mkdir()
    (run / "a.safetensors").write_bytes(bytes(600))
    outputs.check_disk(run, 1500, wanted)
    with pytest.raises(InputError, match="the run needs about"):
        outputs.check_disk(run, 1700, wanted)
    (run / "b.safetensors").write_bytes(b"")
    outputs.check_disk(run, 1700, wanted)
