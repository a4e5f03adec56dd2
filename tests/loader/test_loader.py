"""The pack as ComfyUI loads it: by path, under a mangled name, with its folder not on the path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import graphs
import pytest

SNAPSHOT = Path(__file__).with_name("object_info.json")
HEAVY = {"diffusers", "peft", "accelerate", "matplotlib", "pandas", "playwright"}
VOLATILE = ("ckpt_name", "sampler_name", "scheduler")


@pytest.fixture(scope="module")
def loaded(comfyui_folder: Path, pack: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The pack loaded by ComfyUI's own loader, from a folder with an odd name."""
    folder = tmp_path_factory.mktemp("custom nodes") / "Odd-name.1 pack"
    folder.symlink_to(pack, target_is_directory=True)
    child = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("load_pack.py")), str(folder)],
        cwd=comfyui_folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    lines = [line for line in child.stdout.splitlines() if line.startswith("RESULT")]
    assert lines, child.stderr[-4000:]
    result: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT"))
    return result


def contract(nodes: dict[str, Any]) -> dict[str, Any]:
    """What scripts and saved workflows rely on: ids, inputs and outputs in order, types, defaults."""
    described = {}
    for node_id, info in nodes.items():
        inputs = {}
        for kind, names in info["input_order"].items():
            if kind == "hidden":
                continue
            for name in names:
                type_, *options = info["input"][kind][name]
                option = options[0] if options else {}
                choices = None if name in VOLATILE else option.get("options")
                inputs[name] = [kind, type_, option.get("default"), choices]
        outputs = [list(pair) for pair in zip(info["output"], info["output_name"], strict=True)]
        described[node_id] = {"inputs": inputs, "outputs": outputs, "category": info["category"]}
    return described


def test_the_pack_loads_from_a_folder_with_an_odd_name(loaded: dict[str, Any]) -> None:
    assert loaded["loaded"] is True
    assert not loaded["path_has_pack"]
    assert loaded["web"], "the pack's JavaScript folder is not registered"


def test_node_ids_inputs_and_their_order_are_those_that_saved_workflows_rely_on(
    loaded: dict[str, Any],
) -> None:
    found = contract(loaded["nodes"])
    if os.environ.get("BESPOKE_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    expected = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert list(found) == list(expected)
    for node_id, described in expected.items():
        assert list(found[node_id]["inputs"]) == list(described["inputs"]), node_id
        assert found[node_id] == described, node_id


def test_every_node_id_and_every_type_carries_the_packs_name(loaded: dict[str, Any]) -> None:
    assert all(node_id.startswith("Bespoke_") for node_id in loaded["nodes"])
    assert all(info["category"].startswith("Bespoke/") for info in loaded["nodes"].values())


def test_every_input_and_output_that_people_see_has_help(loaded: dict[str, Any]) -> None:
    for node_id, info in loaded["nodes"].items():
        assert info["description"], node_id
        if info.get("dev_only"):
            continue
        for kind in ("required", "optional"):
            for name, spec in info["input"].get(kind, {}).items():
                assert spec[1].get("tooltip"), f"{node_id}.{name}"


def test_loading_the_pack_imports_none_of_the_heavy_libraries(loaded: dict[str, Any]) -> None:
    assert not HEAVY & set(loaded["new_modules"])


def test_every_shipped_workflow_uses_core_nodes_and_ours_and_together_they_use_every_node_of_ours(
    loaded: dict[str, Any], pack: Path
) -> None:
    used = set()
    for path in sorted((pack / "workflows" / "api").glob("*.json")):
        used |= {node["class_type"] for node in json.loads(path.read_text(encoding="utf-8")).values()}
    visible = {node_id for node_id, info in loaded["nodes"].items() if not info.get("dev_only")}
    assert visible <= used


@pytest.mark.parametrize("name", graphs.NAMES)
def test_no_node_of_a_shipped_workflow_lies_over_another(pack: Path, name: str) -> None:
    workflow = json.loads((pack / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    title = 30  # pixels above a node's position
    boxes = {
        f"{node['type']} {node['id']}": (x, y - title, x + node["size"][0], y + node["size"][1])
        for node in workflow["nodes"]
        for x, y in [node["pos"]]
    }
    groups = {
        group["title"]: (x, y, x + width, y + height)
        for group in workflow["groups"]
        for x, y, width, height in [group["bounding"]]
    }
    for kind in (boxes, groups):
        over = [
            (one, other)
            for (one, a), (other, b) in combinations(kind.items(), 2)
            if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
        ]
        assert over == []
