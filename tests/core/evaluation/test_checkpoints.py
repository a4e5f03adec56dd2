"""Finding the checkpoints of a run, whoever trained them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bespoke_core.errors import InputError
from bespoke_core.evaluation.checkpoints import choose, find_checkpoints, inspect_lora, unmatched_modules

MODULE = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


def write_lora(
    path: Path, *, width: int = 768, fill: float = 0.0, metadata: dict[str, str] | None = None
) -> Path:
    weights = {
        f"{MODULE}.lora_down.weight": np.full((4, width), fill, dtype=np.float32),
        f"{MODULE}.lora_up.weight": np.zeros((320, 4), dtype=np.float32),
        f"{MODULE}.alpha": np.array(4.0, dtype=np.float32),
    }
    save_file(weights, path, metadata=metadata)
    return path


def test_epochs_are_read_from_kohyas_file_names_and_the_last_file_is_one_more(tmp_path: Path) -> None:
    for number in (10, 2, 9):
        write_lora(tmp_path / f"run-{number:06}.safetensors", fill=number)
    write_lora(tmp_path / "run.safetensors", fill=11)
    found = find_checkpoints(tmp_path)
    assert [(c.name, c.epoch) for c in found] == [
        ("run-000002", 2),
        ("run-000009", 9),
        ("run-000010", 10),
        ("run", 11),
    ]
    assert len({c.sha256 for c in found}) == 4


def test_the_files_own_epoch_is_used_where_the_name_says_none(tmp_path: Path) -> None:
    write_lora(tmp_path / "final.safetensors", metadata={"ss_epoch": "7"})
    assert find_checkpoints(tmp_path)[0].epoch == 7


def test_a_pattern_chooses_among_runs_in_one_folder(tmp_path: Path) -> None:
    write_lora(tmp_path / "a-000001.safetensors")
    write_lora(tmp_path / "b-000001.safetensors")
    assert [c.name for c in find_checkpoints(tmp_path, pattern="b-*")] == ["b-000001"]


def test_an_empty_folder_says_which_folder_below_has_files(tmp_path: Path) -> None:
    (tmp_path / "my_run").mkdir()
    write_lora(tmp_path / "my_run" / "x.safetensors")
    with pytest.raises(InputError, match="my_run"):
        find_checkpoints(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 8, 60, -1, -300])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, keep: int) -> None:
    path = write_lora(tmp_path / "cut.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cut\.safetensors"):
        find_checkpoints(tmp_path)


@pytest.mark.parametrize(("width", "name"), [(2048, "SDXL"), (1024, "SD2")])
def test_a_lora_for_another_architecture_is_refused_and_named(tmp_path: Path, width: int, name: str) -> None:
    write_lora(tmp_path / "other.safetensors", width=width)
    with pytest.raises(InputError, match=name):
        find_checkpoints(tmp_path)


def test_a_whole_model_is_not_taken_for_a_lora(tmp_path: Path) -> None:
    save_file({"model.weight": np.zeros((2, 2), dtype=np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="no LoRA weights"):
        find_checkpoints(tmp_path)


def test_a_pickled_file_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    path.write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(InputError, match=r"\.safetensors"):
        inspect_lora(path)


def test_choosing_by_epoch_by_name_and_the_last(tmp_path: Path) -> None:
    write_lora(tmp_path / "run-000001.safetensors")
    write_lora(tmp_path / "run.safetensors")
    found = find_checkpoints(tmp_path)
    assert choose(found).name == "run"
    assert choose(found, epoch=1).name == "run-000001"
    assert choose(found, name="run-000001.safetensors").epoch == 1
    with pytest.raises(InputError, match=r"run-000001 \(epoch 1\)"):
        choose(found, epoch=5)
    with pytest.raises(InputError, match="nothing_like_it"):
        choose(found, name="nothing_like_it")


def test_layers_that_a_model_does_not_know_are_listed() -> None:
    assert unmatched_modules(["a", "b", "c"], ["b"]) == ("a", "c")
