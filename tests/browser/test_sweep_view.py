"""What a sweep shows on a real canvas while it runs: a line a picture, how far it is, text as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from canvas import find_chromium, open_canvas
from loras import write_lora

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = 'green: <img src=x onerror="window.ran = 1"> a portrait with a bright green background'


@pytest.mark.parametrize("vue_nodes", [False, True], ids=["classic nodes", "new nodes"])
def test_a_sweep_fills_a_table_while_it_runs(server: ComfyServer, pack: Path, vue_nodes: bool) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium: install the package `chromium` to run the canvas tests")
    pytest.importorskip("playwright", reason="playwright drives the browser: pip install '.[test]'")
    name = f"live_{vue_nodes}"
    for run in ("dim16", "dim32"):
        file = server.base / "output" / "loras" / name / run / "lora-000001.safetensors"
        write_lora(file, 0.3)
    workflow = json.loads((pack / "workflows" / "compare_runs.json").read_text(encoding="utf-8"))
    runs = "\n".join(f"{run}: loras/{name}/{run}" for run in ("dim16", "dim32"))
    with open_canvas(server.url, chromium, size=(1500, 1000), vue_nodes=vue_nodes) as canvas:
        canvas.load_workflow(workflow)
        # Seeds of its own: what another sweep has drawn already is not drawn again.
        seeds = "3, 4" if vue_nodes else "1, 2"
        values = {"sweep_name": name, "seeds": seeds, "steps": 1, "width": 64, "height": 64}
        for widget, value in values.items():
            canvas.set_widget("4", widget, value)
        canvas.set_widget("2", "runs", runs)
        canvas.set_widget("3", "scenes", "none")
        canvas.set_widget("3", "prompts", HOSTILE)
        assert canvas.queue_and_wait(120) == "execution_success"
        lines = canvas.page.locator(".bespoke-sweep-rows tbody tr")
        assert lines.count() == 6
        assert "dim32/lora-000001" in (lines.first.text_content() or "")
        assert canvas.page.locator(".bespoke-sweep-line b").first.text_content() == "6 of 6 pictures"
        loaded = "(e) => e.complete && e.naturalWidth > 0"
        assert canvas.page.locator(".bespoke-sweep-rows img").first.evaluate(loaded)
        assert canvas.page.evaluate("window.ran") is None
        # Queued again unchanged, nothing is drawn and what was shown stays; after a reload all are counted.
        assert canvas.queue_and_wait(120) == "execution_success"
        assert lines.count() == 6
        assert canvas.page.locator(".bespoke-sweep-line b").first.text_content() == "6 of 6 pictures"
        canvas.load_workflow(canvas.serialized())
        assert canvas.queue_and_wait(120) == "execution_success"
        assert canvas.page.locator(".bespoke-sweep-line b").first.text_content() == "6 of 6 pictures"
        # What is there already is shown, too: after a reload, and when nothing is left to draw.
        canvas.load_workflow(canvas.serialized())
        assert canvas.page.locator(".bespoke-sweep-rows tbody tr").count() == 0
        canvas.set_widget("4", "dry_run", True)
        assert canvas.queue_and_wait(120) == "execution_success"
        assert lines.count() == 6
        assert "colours" in (canvas.page.locator(".bespoke-sweep-rows thead").text_content() or "")
        scores = canvas.page.locator(".bespoke-sweep-rows td.bespoke-number")
        assert all(int(text) > 0 for text in scores.all_text_contents())
        assert canvas.page.locator(".bespoke-sweep-line b").first.text_content() == "6 of 6 pictures"
