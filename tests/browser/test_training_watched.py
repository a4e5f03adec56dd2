"""A real run watched on a real canvas: live, from a second browser, cancelled, and gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphs
import pytest
from canvas import Canvas, open_canvas

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def classic(server: ComfyServer, chromium: str) -> Iterator[Canvas]:
    with open_canvas(server.url, chromium, size=(1900, 1000)) as opened:
        yield opened


def workflow(pack: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((pack / "workflows" / "train_lora.json").read_text(encoding="utf-8"))
    return loaded


def load_small(canvas: Canvas, pack: Path) -> None:
    """Load the shipped workflow with a small run, samples and held-out pictures, and nothing after it."""
    canvas.load_workflow(workflow(pack))
    prompts = "a lad --w 64 --h 64 --s 2 --d 1\na lady --w 64 --h 64 --s 2 --d 2"
    small = {**graphs.SMALL["Bespoke_TrainingConfig"], "max_train_epochs": 3, "sample_prompts": prompts}
    for name, value in {**small, "validation_split": 0.25}.items():
        canvas.set_widget("3", name, value)
    canvas.set_widget("4", "run_name", "watched")
    canvas.page.evaluate(
        """() => app.graph._nodes
             .filter((node) => ![2, 3, 4].includes(Number(node.id)))
             .forEach((node) => app.graph.remove(node))"""
    )


def wait_for_text(canvas: Canvas, text: str) -> None:
    canvas.page.wait_for_function(
        "(text) => document.querySelector('.bespoke-run')?.innerText.includes(text)",
        arg=text,
        timeout=120_000,
    )


def test_a_run_is_watched_from_two_browsers_cancelled_and_gone_on_with(
    classic: Canvas, server: ComfyServer, pack: Path, tmp_path: Path
) -> None:
    load_small(classic, pack)
    classic.page.evaluate("() => app.queuePrompt(0, 1)")
    wait_for_text(classic, "epoch 1 of 3")
    late = Canvas(classic.page.context.browser.new_page(), server.url)
    late.open()
    load_small(late, pack)
    wait_for_text(late, "step ")
    late.page.close()
    classic.page.bring_to_front()
    classic.page.wait_for_selector(".bespoke-run-epoch", timeout=120_000)
    classic.page.evaluate("() => app.api.interrupt()")
    wait_for_text(classic, "go on from the last saved state")
    assert classic.queue_and_wait(180) == "execution_success"
    wait_for_text(classic, "finished")
    assert classic.page.locator(".bespoke-run-epoch").count() == 3
    assert classic.page.locator(".bespoke-run-best").count() == 1
    classic.page.wait_for_function(
        "() => [...document.querySelectorAll('.bespoke-run img')].every((i) => i.complete && i.naturalWidth)"
    )
    # the picture of the same chart is for those who have no view
    assert classic.page.evaluate("() => app.graph.getNodeById(4).imgs?.length ?? 0") == 0
    assert classic.errors == []
    classic.screenshot(tmp_path / "watched.png")
