"""What the scoring nodes show on a real canvas: a table of scores, what was judged, the commonest colours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphs
import pytest
from canvas import Canvas

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<img src=x onerror=window.ran=1>.png"


def table_of(canvas: Canvas, node_id: int, key: str) -> Any:
    """Return the table that a node shows, once it is there and in view."""
    canvas.page.wait_for_function(
        """([id, key]) => app.graph.getNodeById(id)?.widgets
             ?.some((w) => w.name === key && w.element.querySelector('tbody tr'))""",
        arg=[node_id, key],
    )
    canvas.page.evaluate(
        """(id) => {
          const node = app.graph.getNodeById(id);
          app.canvas.ds.scale = 0.8;
          app.canvas.ds.offset = [-node.pos[0] + 150, -node.pos[1] + 150];
          app.graph.setDirtyCanvas(true, true);
        }""",
        node_id,
    )
    canvas.page.wait_for_timeout(700)
    element = canvas.page.evaluate_handle(
        "([id, key]) => app.graph.getNodeById(id).widgets.find((w) => w.name === key).element", [node_id, key]
    ).as_element()
    assert element is not None
    return element


def column(table: Any, key: str) -> list[str]:
    """Return the texts of a column of the rows that are shown."""
    heads = [head.get_attribute("data-column") for head in table.query_selector_all("th")]
    place = heads.index(key) + 1
    return [cell.text_content() for cell in table.query_selector_all(f"tbody td:nth-child({place})")]


def test_a_folders_scores_are_a_table_that_sorts_by_number_and_by_verdict(canvas: Canvas, pack: Path) -> None:
    path = pack / "workflows" / "score_pictures.json"
    canvas.load_workflow(json.loads(path.read_text(encoding="utf-8")))
    assert canvas.queue_and_wait(120) == "execution_success"
    table = table_of(canvas, 1, "bespoke_scores")
    assert table.query_selector("tbody tr").is_visible()
    records = canvas.page.evaluate("() => app.nodeOutputs['1'].bespoke_scores")
    assert column(table, "file") == [record["file"] for record in records]
    assert "excess_colors" not in [h.get_attribute("data-column") for h in table.query_selector_all("th")]
    counts = sorted(record["unique_colors"] for record in records)
    assert len(set(counts)) > 2
    assert max(counts) >= 10
    for expected in (counts, counts[::-1]):
        table.query_selector("th[data-column=unique_colors] button").click()
        assert column(table, "unique_colors") == [str(count) for count in expected]
    # what is not known stays below, whichever way round
    for _ in range(2):
        table.query_selector("th[data-column=clothing_match] button").click()
        answers = column(table, "clothing_match")
        known = [answer not in ("not measured", "not asked") for answer in answers]
        assert known == sorted(known, reverse=True)
    table.query_selector("input").fill(records[2]["file"])
    assert column(table, "file") == [records[2]["file"]]
    assert canvas.errors == []


def test_what_was_judged_is_shown_in_the_node_and_large_beside_it(canvas: Canvas, pack: Path) -> None:
    path = pack / "workflows" / "score_pictures.json"
    canvas.load_workflow(json.loads(path.read_text(encoding="utf-8")))
    assert canvas.queue_and_wait(120) == "execution_success"
    for node_id in (1, 2):
        canvas.page.wait_for_function(
            """(id) => {
              const images = app.nodeOutputs[id]?.images;
              return images?.length === 8 && images.every((image) => image.type === 'temp');
            }""",
            arg=str(node_id),
        )
    sizes = canvas.page.evaluate(
        """async () => Promise.all(app.nodeOutputs['1'].images.map(async (one) => {
             const reply = await fetch('/view?' + new URLSearchParams(one));
             const bitmap = await createImageBitmap(await reply.blob());
             return [bitmap.width, bitmap.height];
           }))"""
    )
    assert all(width > 500 and height > 250 for width, height in sizes)


def test_a_sprites_colours_are_shown_as_swatches_and_its_found_size_as_text(
    canvas: Canvas, server: ComfyServer, sample_dataset: Path
) -> None:
    shutil.copy(sorted(sample_dataset.glob("*.png"))[0], server.base / "input" / "one.png")
    graph: graphs.Graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "one.png"}},
        "2": {
            "class_type": "Bespoke_Downscale",
            "inputs": {
                "images": ["1", 0],
                "width": 0,
                "height": 0,
                "method": "grid",
                "colors": 0,
                "view_size": 480,
            },
        },
        "3": {"class_type": "Bespoke_CountColors", "inputs": {"images": ["2", 0]}},
    }
    canvas.load_api(graph, "colours")
    assert canvas.queue_and_wait(60) == "execution_success"
    table = table_of(canvas, 3, "bespoke_colors")
    (row,) = canvas.page.evaluate("() => app.nodeOutputs['3'].bespoke_colors")
    swatches = table.query_selector_all(".bespoke-swatch")
    assert len(swatches) == len(row["main_colors"]) > 3
    assert swatches[0].is_visible()
    text = canvas.page.evaluate("() => app.nodeOutputs['2'].text[0]")
    assert text.startswith("24 x 24")
    assert "found in the picture" in text


def test_html_in_a_files_name_is_shown_as_text_and_does_not_run(
    canvas: Canvas, server: ComfyServer, sample_dataset: Path
) -> None:
    folder = server.base / "input" / "hostile pictures"
    folder.mkdir(exist_ok=True)
    shutil.copy(sorted(sample_dataset.glob("*.png"))[0], folder / HOSTILE)
    graph: graphs.Graph = {
        "1": {
            "class_type": "Bespoke_ScoreFolder",
            "inputs": {
                "pictures_folder": folder.name,
                "prompt": "",
                "width": 24,
                "height": 24,
                "method": "nearest",
                "name": "",
            },
        }
    }
    canvas.load_api(graph, "hostile")
    assert canvas.queue_and_wait(60) == "execution_success"
    table = table_of(canvas, 1, "bespoke_scores")
    assert column(table, "file") == [HOSTILE]
    assert table.query_selector("img") is None
    canvas.page.wait_for_timeout(500)
    assert canvas.page.evaluate("() => window.ran") is None
