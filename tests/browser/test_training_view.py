"""What Train LoRA makes of the states that the server sends, on a real canvas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from canvas import Canvas

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = '<img src=x onerror="window.ran = 1">'
STATE: dict[str, Any] = {
    "node": "4",
    "prompt_id": "1",
    "run": "lads",
    "folder": "loras/bespoke/lads",
    "status": "training",
    "line": "",
    "message": HOSTILE,
    "epoch": 2,
    "epochs": 9,
    "step": 6,
    "steps": 27,
    "loss": 0.2,
    "mean_loss": 0.25,
    "steps_per_second": 2.0,
    "seconds_left": 75.0,
    "doing": None,
    "curve": [[1, 0.4], [2, 0.3], [3, 0.2], [6, 0.2]],
    "mean": [[3, 0.3], [6, 0.2]],
    "held_out": [[3, 0.35], [6, 0.3]],
    "ends": [[1, 3], [2, 6]],
    "samples": [
        {"epoch": 1, "paths": ["samples/1.png"], "scores": {"unique_colors": 210.0}, "time": 1},
        {"epoch": 2, "paths": ["samples/2.png"], "scores": {"unique_colors": 90.5}, "time": 2},
    ],
    "best": {"epoch": 2, "metric": "unique_colors", "value": 90.5, "path": "lads-000002.safetensors"},
}


def workflow(pack: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((pack / "workflows" / "train_lora.json").read_text(encoding="utf-8"))
    return loaded


def push(canvas: Canvas, **changes: Any) -> None:
    """Let the page receive a state, as the server sends it."""
    canvas.page.evaluate(
        "(state) => app.api.dispatchEvent(new CustomEvent('bespoke.training', { detail: state }))",
        {**STATE, **changes},
    )


def view(canvas: Canvas, part: str = "") -> Any:
    return canvas.page.locator(f".bespoke-run {part}".strip())


def test_a_state_is_shown_as_a_line_a_chart_and_an_epoch_each_with_the_best_marked(
    canvas: Canvas, pack: Path
) -> None:
    saved = workflow(pack)
    canvas.load_workflow(saved)
    push(canvas)
    line = view(canvas, ".bespoke-run-line").inner_text()
    assert "epoch 2 of 9, step 6 of 27" in line
    assert "2.0 steps/s" in line
    assert "1:15 left" in line
    assert view(canvas, "polyline").count() == 3
    assert view(canvas, ".bespoke-run-epoch").count() == 2
    assert view(canvas, ".bespoke-run-best").inner_text().split("\n")[0] == "★ epoch 2"
    assert "90.5" in view(canvas, ".bespoke-run-best").inner_text()
    source = view(canvas, "img").first.get_attribute("src")
    assert "subfolder=loras%2Fbespoke%2Flads%2Fsamples" in source
    # nothing of it is kept in the workflow, and what a run says is text
    now = {node["id"]: node for node in canvas.serialized()["nodes"]}
    before = {node["id"]: node for node in saved["nodes"]}
    assert now[4]["widgets_values"] == before[4]["widgets_values"]
    assert view(canvas, ".bespoke-run-note").inner_text() == HOSTILE
    assert canvas.page.evaluate("() => window.ran") is None


def test_the_frontends_own_line_is_hidden_since_the_view_says_the_same(canvas: Canvas, pack: Path) -> None:
    canvas.load_workflow(workflow(pack))
    canvas.page.evaluate(
        """() => app.api.dispatchEvent(new CustomEvent('progress_text',
             { detail: { nodeId: '4', text: 'epoch 2/9, step 6/27' } }))"""
    )
    push(canvas)
    canvas.page.wait_for_timeout(500)
    heights = canvas.page.evaluate(
        """() => [...document.querySelectorAll('*')]
             .filter((one) => !one.children.length && one.textContent.includes('step 6/27'))
             .map((one) => (one.closest('.lg-node-widget') ?? one).getBoundingClientRect().height)"""
    )
    assert all(height <= 1 for height in heights)


def test_the_loss_stands_in_numbers_beside_its_line(canvas: Canvas, pack: Path) -> None:
    canvas.load_workflow(workflow(pack))
    push(canvas)
    shown = [word.inner_text() for word in view(canvas, ".bespoke-run-key i").all()]
    assert shown == ["loss 0.200", "mean of an epoch 0.200", "held out 0.300"]
    push(canvas, curve=[], mean=[], held_out=[])
    assert view(canvas, ".bespoke-run-chart").inner_text().strip() == ""


def test_a_cancelled_run_says_how_it_goes_on_and_a_failed_one_why(canvas: Canvas, pack: Path) -> None:
    canvas.load_workflow(workflow(pack))
    push(canvas, status="cancelled", message="stopped after step 6; queue or resume it")
    assert view(canvas).get_attribute("data-status") == "cancelled"
    assert "queue or resume it" in view(canvas, ".bespoke-run-note").inner_text()
    push(canvas, status="failed", message="The loss is no longer a number.")
    assert "no longer a number" in view(canvas, ".bespoke-run-note").inner_text()
    assert view(canvas).count() == 1


def test_a_state_of_another_graphs_node_changes_nothing(canvas: Canvas, pack: Path) -> None:
    canvas.load_workflow(workflow(pack))
    push(canvas, node="2")  # not a Train LoRA
    push(canvas, node="999")
    push(canvas, node="4:1")
    assert view(canvas).count() == 0
    assert canvas.errors == []
