"""What the caption nodes show on a real canvas: a table of findings, changes word by word, HTML as text."""

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

HOSTILE = (
    'portrait, <img src=x onerror="window.ran = 1"> hair (#ff0000), <svg onload="window.ran = 2"></svg> eyes '
    "(#ff0000), <script>window.ran = 3</script> hat, palette: #00ff00"
)

AUDIT, CLEAN = "bespoke_audit", "bespoke_clean"


@pytest.fixture
def hostile(server: ComfyServer, sample_dataset: Path) -> str:
    """A data set whose first caption holds HTML, as a user names it."""
    target = server.base / "input" / "hostile"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sample_dataset, target)
    sorted(target.glob("*.txt"))[0].write_text(HOSTILE, encoding="utf-8")
    return target.name


def show(canvas: Canvas, pack: Path, folder: str = "bespoke_sample") -> None:
    """Run the shipped workflow on a folder and bring it into view."""
    path = pack / "workflows" / "clean_captions.json"
    canvas.load_workflow(json.loads(path.read_text(encoding="utf-8")))
    canvas.set_widget("1", "dataset_folder", folder)
    assert canvas.queue_and_wait(120) == "execution_success"
    canvas.page.wait_for_function(
        """() => [[1, 'bespoke_audit'], [2, 'bespoke_clean'], [3, 'bespoke_audit']].every(([id, name]) =>
             app.graph.getNodeById(id).widgets.some((w) => w.name === name && w.element.children.length))"""
    )
    # close enough for a mouse to hit a line
    canvas.page.evaluate(
        """() => {
          const node = app.graph.getNodeById(1);
          app.canvas.ds.scale = 0.9;
          app.canvas.ds.offset = [-node.pos[0] + 150, -node.pos[1] + 150];
          app.graph.setDirtyCanvas(true, true);
        }"""
    )
    canvas.page.wait_for_timeout(700)


def inside(canvas: Canvas, node_id: int, name: str) -> Any:
    """Return the element of a node's widget, as the page shows it."""
    element = canvas.page.evaluate_handle(
        "([id, name]) => app.graph.getNodeById(id).widgets.find((w) => w.name === name).element",
        [node_id, name],
    ).as_element()
    assert element is not None
    return element


def column(table: Any, place: int) -> list[str]:
    """Return the texts of a column of the rows that are shown."""
    return [cell.text_content() for cell in table.query_selector_all(f"tbody td:nth-child({place})")]


def test_the_findings_are_a_table_that_a_header_sorts_and_the_box_filters(canvas: Canvas, pack: Path) -> None:
    show(canvas, pack)
    table = inside(canvas, 1, AUDIT)
    assert table.is_visible()
    assert [head.text_content() for head in table.query_selector_all("th")] == [
        "severity",
        "file",
        "finding",
        "text",
        "advice",
    ]
    everything = column(table, 2)
    assert len(everything) > 20
    assert table.query_selector("tbody tr").is_visible()
    assert table.query_selector("tbody .bespoke-swatch") is not None
    table.query_selector("th[data-column=finding] button").click()
    kinds = column(table, 3)
    assert kinds == sorted(kinds)
    assert len(set(kinds)) > 1
    table.query_selector("th[data-column=finding] button").click()
    assert column(table, 3) == sorted(kinds, reverse=True)
    table.query_selector("input").fill("duplicate_code punk_")
    assert set(column(table, 3)) == {"duplicate_code"}
    assert table.query_selector(".bespoke-bar span").text_content().startswith(f"{len(column(table, 3))} of ")
    table.query_selector("input").fill("no such words")
    assert column(table, 3) == []


def test_the_wheel_scrolls_the_table_and_leaves_the_canvas_where_it_is(canvas: Canvas, pack: Path) -> None:
    show(canvas, pack)
    rows = inside(canvas, 1, AUDIT).query_selector(".bespoke-rows")
    box = rows.bounding_box()
    scale = canvas.page.evaluate("() => app.canvas.ds.scale")
    canvas.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    canvas.page.mouse.wheel(0, 120)
    canvas.page.wait_for_timeout(300)
    assert rows.evaluate("(element) => element.scrollTop") > 0
    assert canvas.page.evaluate("() => app.canvas.ds.scale") == scale


def test_a_cleaning_shows_what_it_removed_and_what_it_left_word_by_word(canvas: Canvas, pack: Path) -> None:
    show(canvas, pack)
    view = inside(canvas, 2, CLEAN)
    assert view.is_visible()
    removed = [part.text_content() for part in view.query_selector_all("del")]
    kept = [part.text_content() for part in view.query_selector_all(".bespoke-words span")]
    assert any("#" in text for text in removed)
    assert any("palette:" in text for text in removed)
    assert kept
    assert not any("#" in text for text in kept)
    assert len(view.query_selector_all("tbody tr")) == 8
    assert "line-through" in view.query_selector("del").evaluate("(e) => getComputedStyle(e).textDecoration")
    view.query_selector("input").fill("punk_002")
    assert len(view.query_selector_all("tbody tr")) == 1


def test_the_worst_pictures_are_shown_in_the_node(canvas: Canvas, pack: Path) -> None:
    show(canvas, pack)
    canvas.page.wait_for_function(
        """() => {
          const images = app.nodeOutputs['1']?.images;
          return images?.length === 1 && images[0].type === 'temp';
        }"""
    )
    assert canvas.errors == []


def test_html_in_a_caption_is_shown_as_text_and_does_not_run(
    canvas: Canvas, pack: Path, hostile: str
) -> None:
    show(canvas, pack, hostile)
    for node_id, name in ((1, AUDIT), (2, CLEAN), (3, AUDIT)):
        view = inside(canvas, node_id, name)
        for tag in ("img", "script", "svg"):
            assert view.query_selector(tag) is None, (node_id, tag)
    assert '<img src=x onerror="window.ran = 1"> hair' in inside(canvas, 2, CLEAN).text_content()
    canvas.page.wait_for_timeout(500)
    assert canvas.page.evaluate("() => window.ran") is None


def test_tables_are_no_part_of_the_saved_workflow(canvas: Canvas, pack: Path) -> None:
    show(canvas, pack)
    path = pack / "workflows" / "clean_captions.json"
    shipped = {n["id"]: n for n in json.loads(path.read_text(encoding="utf-8"))["nodes"]}
    for saved in canvas.serialized()["nodes"]:
        assert len(saved.get("widgets_values", [])) == len(shipped[saved["id"]].get("widgets_values", []))


def test_clean_caption_takes_its_text_over_a_wire(canvas: Canvas) -> None:
    graph: graphs.Graph = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "hair (#5a3220), shiny"}},
        "2": {
            "class_type": "Bespoke_CleanCaption",
            "inputs": {"text": ["1", 0], "strategy": "smart", "style_phrases": ""},
        },
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }
    canvas.load_api(graph, "wire")
    assert canvas.as_api()["2"]["inputs"] == graph["2"]["inputs"]
    assert canvas.queue_and_wait(60) == "execution_success"
    canvas.page.wait_for_function("() => app.nodeOutputs['3']?.text?.[0] === 'hair, shiny'")
