"""The shipped workflows on a real canvas: ComfyUI's own frontend in a real Chromium."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphs
import pytest

if TYPE_CHECKING:
    from canvas import Canvas

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BROKEN = """
() => app.graph._nodes
  .filter((node) => node.has_errors || !LiteGraph.registered_node_types[node.type])
  .map((node) => node.type)
"""


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


FILLED = """
() => {
  for (const node of app.graph._nodes)
    if (node.type.startsWith('Bespoke_') && node.type !== 'Bespoke_LoadCheckpoint')
      node.onExecuted({ text: ['what was found'] });
}
"""
STICKING_OUT = """
() => {
  const box = (item) => item.boundingRect ?? item._bounding;
  const ends = ([x, y, width, height]) => [x, y, x + width, y + height];
  const meet = ([a, b, c, d], [e, f, g, h]) => a < g && e < c && b < h && f < d;
  const inside = ([a, b, c, d], [e, f, g, h]) => a >= e && b >= f && c <= g && d <= h;
  const found = [];
  app.graph._nodes.forEach((node, at) => {
    const own = ends(box(node));
    for (const other of app.graph._nodes.slice(at + 1))
      if (meet(own, ends(box(other)))) found.push(`${node.title} covers ${other.title}`);
    for (const group of app.graph._groups) {
      const frame = ends(box(group));
      if (meet(own, frame) && !inside(own, frame)) found.push(`${node.title} sticks out of ${group.title}`);
    }
  });
  return found;
}
"""


@pytest.mark.parametrize("name", graphs.NAMES)
def test_no_node_covers_another_or_leaves_its_frame_before_a_run_and_after(
    canvas: Canvas, pack: Path, name: str
) -> None:
    canvas.load_workflow(ui_form(pack, name))
    assert canvas.page.evaluate(STICKING_OUT) == []
    canvas.page.evaluate(FILLED)
    canvas.page.wait_for_timeout(300)
    assert canvas.page.evaluate(STICKING_OUT) == []


def test_a_workflows_note_has_no_words_in_blue_on_blue(pack: Path) -> None:
    for name in graphs.NAMES:
        notes = [node for node in ui_form(pack, name)["nodes"] if node["type"] == "MarkdownNote"]
        assert notes
        assert "`" not in notes[0]["widgets_values"][0]


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
