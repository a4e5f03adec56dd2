"""The shipped workflows on a real canvas: ComfyUI's own frontend in a real Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphs
import pytest
from canvas import Canvas, find_chromium, open_canvas

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BROKEN = """
() => app.graph._nodes
  .filter((node) => node.has_errors || !LiteGraph.registered_node_types[node.type])
  .map((node) => node.type)
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser; where there is none these tests are skipped."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium: install the package `chromium` to run the canvas tests")
    pytest.importorskip("playwright", reason="playwright drives the browser: pip install '.[test]'")
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["classic nodes", "new nodes"])
def canvas(server: ComfyServer, chromium: str, request: pytest.FixtureRequest) -> Iterator[Canvas]:
    """An open canvas, once with each of the frontend's two ways to draw nodes."""
    with open_canvas(server.url, chromium, vue_nodes=request.param) as opened:
        yield opened


def ui_form(pack: Path, name: str) -> dict[str, Any]:
    workflow: dict[str, Any] = json.loads((pack / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    return workflow


@pytest.mark.parametrize("name", graphs.NAMES)
def test_a_shipped_workflow_opens_without_a_red_node(canvas: Canvas, pack: Path, name: str) -> None:
    workflow = ui_form(pack, name)
    canvas.load_workflow(workflow)
    assert canvas.page.evaluate("() => app.graph._nodes.length") == len(workflow["nodes"])
    assert canvas.page.evaluate(BROKEN) == []
    assert canvas.page.locator("text=/missing node/i").count() == 0
    assert canvas.errors == []


@pytest.mark.parametrize("name", graphs.NAMES)
def test_what_the_canvas_queues_equals_the_api_twin(canvas: Canvas, pack: Path, name: str) -> None:
    canvas.load_workflow(ui_form(pack, name))
    queued = canvas.as_api()
    twin = graphs.shipped(name)
    assert {k: (v["class_type"], v["inputs"]) for k, v in queued.items()} == {
        k: (v["class_type"], v["inputs"]) for k, v in twin.items()
    }


def test_the_canvas_asks_nothing_of_any_other_machine(canvas: Canvas) -> None:
    others = [url for url in canvas.requests if not url.startswith((canvas.url, "data:", "blob:"))]
    assert others == []


def test_a_workflow_queued_on_the_canvas_runs_and_shows_its_text(
    canvas: Canvas, pack: Path, tmp_path: Path
) -> None:
    canvas.load_workflow(ui_form(pack, "clean_captions"))
    assert canvas.queue_and_wait(120) == "execution_success"
    canvas.page.wait_for_function(
        "() => app.graph.getNodeById(3).widgets.some((w) => w.name === 'bespoke_text' && w.element?.value)"
    )
    shown = canvas.page.evaluate(
        """() => Object.fromEntries(app.graph._nodes.map((node) =>
             [node.id, node.widgets?.find((w) => w.name === 'bespoke_text')?.element?.value ?? '']))"""
    )
    assert "duplicate_code" in shown["1"]
    assert shown["2"]
    canvas.screenshot(tmp_path / "clean_captions.png")
    assert (tmp_path / "clean_captions.png").stat().st_size > 10_000
    # the box is not saved: widget values are saved by position
    saved = {n["id"]: n for n in canvas.serialized()["nodes"]}
    assert len(saved[1]["widgets_values"]) == len(
        ui_form(pack, "clean_captions")["nodes"][0]["widgets_values"]
    )
