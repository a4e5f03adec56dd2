"""The chosen checkpoint: another name, its verdict, the same weights."""

from __future__ import annotations

import hashlib
import json
import shutil
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
from bespoke_core.evaluation.plan_file import PlanFile
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.store import SweepFolder
from bespoke_core.files import write_json

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


def swept(checkpoint: Checkpoint, root: Path) -> SweepFolder:
    """A finished sweep of one checkpoint, as a server leaves it."""
    plan = SweepPlan((checkpoint,), PLAN.prompts, (1, 2), PLAN.base, PLAN.settings)
    sweep = SweepFolder(root, plan, SMALL, ResultsStore(root / "results.sqlite"))
    sweep.write_plan()
    fill(sweep)
    sweep.write_table(sweep.rows())
    return sweep


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
    sweep = swept(checkpoint, tmp_path / "s")
    target = tmp_path / "best.safetensors"
    assert main(["choose", str(sweep.root), "--output", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checkpoint"] == checkpoint.name
    assert (verdict_of(target) or {})["best"] == checkpoint.name
    assert main(["choose", str(sweep.root), "--output", str(target), "--checkpoint", "nobody"]) == 2


def fetched(sweep: SweepFolder, folder: Path) -> Path:
    """What `bespoke sweep --output` brings from a server: table, plan and pictures, no paths of LoRAs."""
    for name in ("cells", "sprites"):
        shutil.copytree(sweep.root / name, folder / name)
    shutil.copy(sweep.root / "table.csv", folder)
    plan = PlanFile(
        name="s", base_checkpoint="v1-5.safetensors", run_folder="loras/run", prompts={"green": "a green one"}
    )
    write_json(folder / "settings.json", plan.model_dump())
    return folder


def test_from_fetched_results_the_file_is_found_by_its_hash_wherever_it_lies(
    checkpoint: Checkpoint, tmp_path: Path, capsys
) -> None:
    results, target = (
        fetched(swept(checkpoint, tmp_path / "s"), tmp_path / "results"),
        tmp_path / "b.safetensors",
    )
    command = ["choose", str(results), "--output", str(target)]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert checkpoint.name in told and "--lora" in told and "--loras" in told

    other = tmp_path / "loras" / "deep" / f"{checkpoint.name}.safetensors"
    write_lora(other, 5.0)
    assert main([*command, "--lora", str(other)]) == 2
    assert "none of 1 file" in capsys.readouterr().err
    assert not target.exists()

    renamed = tmp_path / "loras" / "renamed.safetensors"
    shutil.move(checkpoint.path, renamed)
    assert main([*command, "--loras", str(tmp_path / "loras")]) == 0
    assert (verdict_of(target) or {})["best"] == checkpoint.name
    assert weights_hash(target) == weights_hash(renamed)
    assert main([*command, "--lora", str(other), str(renamed), "--json"]) == 0

    capsys.readouterr()
    assert main(["sheet", str(results), "--loras", str(tmp_path / "loras")]) == 0
    page = (results / "sheet" / "sheet.md").read_text(encoding="utf-8")
    assert "v1-5.safetensors" in page and checkpoint.sha256[:12] in page


def test_a_sweep_whose_files_lie_on_another_machine_says_where_they_lay(
    checkpoint: Checkpoint, tmp_path: Path, capsys
) -> None:
    sweep = swept(checkpoint, tmp_path / "s")
    here = tmp_path / "here.safetensors"
    shutil.move(checkpoint.path, here)
    command = ["choose", str(sweep.root), "--output", str(tmp_path / "best.safetensors")]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert str(checkpoint.path) in told and "--loras" in told
    assert main([*command, "--lora", str(here)]) == 0


def test_a_folder_without_a_sweep_is_told_which_folder_to_give(tmp_path: Path, capsys) -> None:
    assert main(["choose", str(tmp_path), "--output", str(tmp_path / "best.safetensors")]) == 2
    assert "bespoke/sweeps" in capsys.readouterr().err
