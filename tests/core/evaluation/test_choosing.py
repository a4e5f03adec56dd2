"""The chosen checkpoint: another name, its verdict, the same weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from loras import write_lora
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sweeps import PLAN, SMALL, fill

from bespoke_core.cli import main
from bespoke_core.errors import InputError
from bespoke_core.evaluation.checkpoints import Checkpoint, find_checkpoints
from bespoke_core.evaluation.choosing import keep_chosen, verdict_of
from bespoke_core.evaluation.plan import SweepPlan
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.store import SweepFolder

VERDICT = {"best": "run", "reasons": ["it follows its prompts \u2013 the others do not"]}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    path = tmp_path / "run" / "run-000001.safetensors"
    write_lora(path, 0.3)
    weights = load_file(path)
    save_file(weights, path, metadata={"ss_epoch": "1", "sshs_model_hash": weights_hash(path)})
    return find_checkpoints(path)[0]


def weights_hash(path: Path) -> str:
    """SHA-256 of everything after the header: what kohya calls the model's hash."""
    data = path.read_bytes()
    return hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()


def test_the_weights_stay_byte_for_byte_and_the_metadata_gains_the_verdict(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    target = keep_chosen(checkpoint, tmp_path / "best.safetensors", VERDICT)
    with safe_open(target, "numpy") as file:
        metadata = file.metadata()
    assert metadata["ss_epoch"] == "1"
    assert metadata["sshs_model_hash"] == weights_hash(target) == weights_hash(checkpoint.path)
    assert metadata["bespoke_source_sha256"] == checkpoint.sha256
    assert verdict_of(target) == VERDICT
    before, after = load_file(checkpoint.path), load_file(target)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    keep_chosen(checkpoint, target, {**VERDICT, "best": "again"})
    assert (verdict_of(target) or {})["best"] == "again"


def test_a_trained_lora_is_never_written_over(checkpoint: Checkpoint, tmp_path: Path) -> None:
    other = tmp_path / "mine.safetensors"
    write_lora(other, 1.0)
    before = other.read_bytes()
    with pytest.raises(InputError, match="never written over"):
        keep_chosen(checkpoint, other, VERDICT)
    assert other.read_bytes() == before


def test_a_checkpoint_that_is_another_by_now_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_lora(checkpoint.path, 2.0)
    with pytest.raises(InputError, match="replaced"):
        keep_chosen(checkpoint, tmp_path / "best.safetensors", VERDICT)


def test_the_command_line_keeps_the_recommended_one(checkpoint: Checkpoint, tmp_path: Path, capsys) -> None:
    plan = SweepPlan((checkpoint,), PLAN.prompts, (1, 2), PLAN.base, PLAN.settings)
    sweep = SweepFolder(tmp_path / "s", plan, SMALL, ResultsStore(tmp_path / "s" / "results.sqlite"))
    sweep.write_plan()
    fill(sweep)
    target = tmp_path / "best.safetensors"
    assert main(["choose", str(sweep.root), "--output", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checkpoint"] == checkpoint.name
    assert (verdict_of(target) or {})["best"] == checkpoint.name
    assert main(["choose", str(sweep.root), "--output", str(target), "--checkpoint", "nobody"]) == 2
