"""The demo's parts: the graph that it queues, the user's own files, what it prints, and the check-up."""

from __future__ import annotations

import io
import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from bespoke_core.color.phrases import background_asked
from bespoke_core.errors import InputError
from bespoke_core.evaluation.prompts import parse_prompts
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.portraits.styles import DUSK
from bespoke_core.quickstart import demo, demo_settings, doctor
from bespoke_core.quickstart.demo import DemoOptions, adapt
from bespoke_core.quickstart.own_files import check_checkpoint, check_data, place_checkpoint, place_data
from bespoke_core.quickstart.progress import ProgressPrinter
from bespoke_core.training.config import TrainingConfig, read_toml


def values(graph: dict, class_type: str) -> dict:
    return next(node["inputs"] for node in graph.values() if node["class_type"] == class_type)


@pytest.fixture
def shipped() -> dict:
    return json.loads(demo.WORKFLOW.read_text(encoding="utf-8"))


def test_the_graph_uses_the_model_and_the_data_everywhere(shipped: dict) -> None:
    before = json.dumps(shipped)
    graph = adapt(shipped, checkpoint="my.safetensors", data="own", options=DemoOptions(), gpu=False)
    assert json.dumps(shipped) == before
    assert values(graph, "CheckpointLoaderSimple")["ckpt_name"] == "my.safetensors"
    assert values(graph, "Bespoke_TrainingConfig")["ckpt_name"] == "my.safetensors"
    folders = [node["inputs"].get("dataset_folder") for node in graph.values()]
    assert [folder for folder in folders if isinstance(folder, str)] == ["own"]


def test_every_change_names_an_input_that_the_shipped_graph_has(shipped: dict) -> None:
    options = DemoOptions(size=256, epochs=2, steps=3, seeds=2)
    graph = adapt(shipped, checkpoint="c", data="d", options=options, gpu=True)
    for number, node in graph.items():
        assert set(node["inputs"]) == set(shipped[number]["inputs"]), node["class_type"]
    assert values(graph, "Bespoke_TrainingConfig")["resolution"] == "256,256"
    assert values(graph, "Bespoke_TrainingConfig")["max_train_epochs"] == 2
    assert values(graph, "Bespoke_Sweep")["seeds"] == "1, 2"
    assert values(graph, "Bespoke_Sweep")["steps"] == 3
    assert values(graph, "KSampler")["steps"] == 3
    assert values(graph, "EmptyLatentImage")["width"] == 256


def test_the_embedded_default_learns_the_sample_style_with_settings_of_its_own(shipped: dict) -> None:
    for gpu in (False, True):
        graph = adapt(shipped, checkpoint="c", data="d", options=DemoOptions(), gpu=gpu)
        config = given_toml_of(graph)
        assert config.network_train_unet_only
        assert 4 <= values(graph, "Bespoke_TrainingConfig")["max_train_epochs"] <= 6
        assert len(values(graph, "Bespoke_Sweep")["seeds"].split(",")) >= 3
        asked = parse_prompts(values(graph, "Bespoke_TestPrompts")["prompts"])
        assert asked == demo_settings.PROMPTS
        assert all(background_asked(prompt.text) is not None for prompt in asked)
        assert values(graph, "Bespoke_Verdict")["by"] == "edge_distance"
        assert values(graph, "KSampler")["cfg"] == values(graph, "Bespoke_Sweep")["cfg"]


def test_own_pictures_on_the_embedded_default_are_asked_for_the_shipped_scenes(shipped: dict) -> None:
    graph = adapt(shipped, checkpoint="c", data="d", options=DemoOptions(data=Path("mine")), gpu=False)
    for name in ("Bespoke_TestPrompts", "Bespoke_Verdict"):
        changed = {k: v for k, v in values(graph, name).items() if v != values(shipped, name)[k]}
        assert changed == {}


def test_the_sample_shows_a_hat_and_an_outline_that_the_base_model_never_saw() -> None:
    plain = [one for one in draw_portraits(300, 3) if one.feature("hat")]
    styled = draw_portraits(24, 0, style=DUSK)
    assert not any("wizard" in one.feature("hat").words for one in plain)
    assert any(one.feature("hat") and "wizard" in one.feature("hat").words for one in styled)
    outline = np.array(DUSK.outline, np.uint8)
    for one in styled:
        assert (one.pixels == outline).all(axis=2).sum() > 20
        assert {tuple(color) for color in one.pixels.reshape(-1, 3)} <= set(DUSK.palette)


def given_toml_of(graph: dict) -> TrainingConfig:
    return read_toml(values(graph, "Bespoke_TrainingConfig")["toml"])


def test_a_gpu_with_an_own_checkpoint_keeps_the_shipped_settings(shipped: dict) -> None:
    options = DemoOptions(checkpoint=Path("x.safetensors"))
    graph = adapt(shipped, checkpoint="x.safetensors", data="d", options=options, gpu=True)
    for name in ("max_train_epochs", "resolution", "mixed_precision"):
        assert (
            values(graph, "Bespoke_TrainingConfig")[name] == values(shipped, "Bespoke_TrainingConfig")[name]
        )
    assert values(graph, "Bespoke_Sweep")["steps"] == values(shipped, "Bespoke_Sweep")["steps"]


def test_other_choices_get_other_result_folders(shipped: dict) -> None:
    names = {
        values(
            adapt(shipped, checkpoint="c", data=data, options=DemoOptions(size=size), gpu=False),
            "Bespoke_Sweep",
        )["sweep_name"]
        for data in ("a", "b")
        for size in (64, 128)
    }
    assert len(names) == 4


def make_data(folder: Path, names: tuple[str, ...] = ("a", "b")) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.png").write_bytes(b"picture")
        (folder / f"{name}.txt").write_text(f"caption {name}", encoding="utf-8")
    return folder


def test_own_data_is_copied_and_kept_in_step(tmp_path: Path) -> None:
    source = make_data(tmp_path / "mine", ("a", "punk nº 1"))
    (source / "notes.md").write_text("not for training", encoding="utf-8")
    place_data(check_data(source), tmp_path / "input")
    assert sorted(entry.name for entry in (tmp_path / "input").iterdir()) == [
        *("a.png", "a.txt", "punk nº 1.png", "punk nº 1.txt"),
    ]
    (source / "a.png").unlink()
    (source / "punk nº 1.txt").write_text("a longer caption", encoding="utf-8")
    place_data(check_data(source), tmp_path / "input")
    assert not (tmp_path / "input" / "a.png").exists()
    assert (tmp_path / "input" / "punk nº 1.txt").read_text(encoding="utf-8") == "a longer caption"


def test_a_folder_one_level_too_high_is_told_with_the_right_one(tmp_path: Path) -> None:
    make_data(tmp_path / "10_punk")
    with pytest.raises(InputError, match=r"holds no pictures\. Did you mean its folder '10_punk'"):
        check_data(tmp_path)


def test_a_picture_without_a_caption_is_named(tmp_path: Path) -> None:
    source = make_data(tmp_path / "mine")
    (source / "b.txt").unlink()
    with pytest.raises(InputError, match=r"b\.png: --data: has no caption beside it. Write b\.txt"):
        check_data(source)


def write_safetensors(path: Path, shapes: dict[str, list[int]], *, cut: int = 0) -> Path:
    header, position = {}, 0
    for key, shape in shapes.items():
        header[key] = {"dtype": "U8", "shape": shape, "data_offsets": [position, position + 4]}
        position += 4
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + b"\0" * position
    path.write_bytes(content[: len(content) - cut])
    return path


ENTRANCE = "model.diffusion_model.input_blocks.0.0.weight"
CONTEXT = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


def test_an_sd15_checkpoint_is_accepted_and_linked(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "my.safetensors", {ENTRANCE: [320, 4, 3, 3], CONTEXT: [320, 768]})
    check_checkpoint(path)
    for _ in range(2):
        assert place_checkpoint(path, tmp_path / "models") == "my.safetensors"
    assert (tmp_path / "models" / "my.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("shapes", "cut", "problem"),
    [
        ({ENTRANCE: [320, 4, 3, 3], CONTEXT: [320, 2048]}, 0, "not a Stable Diffusion 1.5 checkpoint"),
        ({"lora_unet_x.lora_down.weight": [4, 4]}, 0, "not a Stable Diffusion 1.5 checkpoint"),
        ({ENTRANCE: [320, 4, 3, 3], CONTEXT: [320, 768]}, 3, "truncated"),
        ({}, 2, "not a whole safetensors file"),
    ],
)
def test_what_is_no_sd15_checkpoint_is_refused(tmp_path: Path, shapes: dict, cut: int, problem: str) -> None:
    path = write_safetensors(tmp_path / "x.safetensors", shapes, cut=cut)
    with pytest.raises(InputError, match=problem):
        check_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]"])
def test_any_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole safetensors file"):
        check_checkpoint(path)


def test_progress_is_a_few_lines_in_a_file() -> None:
    out = io.StringIO()
    printer = ProgressPrinter({"5": {"class_type": "X", "_meta": {"title": "Train LoRA"}}}, out)
    printer({"type": "executing", "data": {"node": "5", "display_node": "5"}})
    for step in range(1, 101):
        printer({"type": "progress", "data": {"value": step, "max": 100, "node": "5"}})
    printer({"type": "executing", "data": {"node": None}})
    printer.close()
    lines = out.getvalue().splitlines()
    assert [line.split("s  ")[1].strip() for line in lines] == ["Train LoRA", "25%", "50%", "75%", "100%"]


def test_a_sweep_counts_its_pictures() -> None:
    out = io.StringIO()
    printer = ProgressPrinter({"7": {"class_type": "Bespoke_Sweep"}}, out)
    for number in range(20):
        printer({"type": "executing", "data": {"node": f"7.0.0.{number}", "display_node": "7"}})
        printer({"type": "executed", "data": {"node": "7", "output": {"bespoke_cell": [{}]}}})
    assert out.getvalue().count("Bespoke_Sweep") == 1
    assert "20 pictures" in out.getvalue()


def test_the_doctor_finds_a_broken_interpreter(tmp_path: Path) -> None:
    checks = doctor.examine(tmp_path, tmp_path / "no-python")
    assert checks[-1].state == "wrong"
    assert "cannot be started" in checks[-1].detail
    assert checks[-1].remedy


def test_the_doctor_gives_a_remedy_for_everything_that_is_wrong(tmp_path: Path) -> None:
    checks = doctor.examine(tmp_path, Path(sys.executable))
    names = {check.name for check in checks}
    assert {"Python", "packages", "torch", "torchvision", "ComfyUI", "GPU", "disk", "Bespoke"} <= names
    assert all(check.remedy for check in checks if check.state == "wrong")
    assert all(check.text().startswith(("ok", "note", "WRONG")) for check in checks)
    json.dumps([check.to_dict() for check in checks])


def test_the_doctor_sees_a_wrong_comfyui_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    found = {check.name: check for check in doctor.examine(tmp_path, Path(sys.executable))}["ComfyUI"]
    assert (found.state, "COMFYUI_PATH" in found.remedy) == ("wrong", True)
