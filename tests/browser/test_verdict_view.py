"""The verdict's table as the canvas shows it, drawn in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canvas import find_chromium

from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WEB = Path(__file__).resolve().parents[2] / "web"
HOSTILE = "<img src=x onerror=window.ran=1>"
PAGE = """<!doctype html><body style="background: #222; color: #ddd; font: 12px sans-serif">
<div id="here" style="position: relative; width: 640px; height: 260px"></div>"""


def rows() -> list[Row]:
    found = [Row("base", None, f"p{i}", 0, {"unique_colors": 400 + i}) for i in range(8)]
    for epoch, (mean, match) in enumerate([(300, "yes"), (200, "yes"), (203, "yes"), (90, "no")], 1):
        name = HOSTILE if epoch == 1 else f"lora-{epoch}"
        for i in range(8):
            scores = {"unique_colors": mean + 7 * ((i * epoch) % 5), "background_match": match}
            found.append(Row(name, epoch, f"p{i}", 0, scores))
    return found


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """A page that loads the pack's own scripts, without ComfyUI."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium: install the package `chromium`")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[test]'")

    def answer(route: Any) -> None:
        path = WEB / route.request.url.rsplit("/", 1)[1]
        if path.suffix == ".js":
            route.fulfill(path=path, content_type="text/javascript")
        else:
            route.fulfill(body=PAGE, content_type="text/html")

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 700, "height": 320})
        opened.route("**/*", answer)
        opened.goto("http://bespoke.test/page")
        yield opened
        browser.close()


def show(page: Any, verdict: dict[str, Any]) -> list[list[str]]:
    script = """async (verdict) => {
      const { verdictView } = await import("/bespoke_verdict.js");
      document.getElementById("here").replaceChildren(verdictView([verdict]));
      return [...document.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((c) => c.innerText));
    }"""
    shown: list[list[str]] = page.evaluate(script, verdict)
    return shown


def test_every_checkpoint_has_its_place_its_bar_and_its_reason(page: Any) -> None:
    lines = show(page, decide(rows()).to_dict())
    assert lines[0][0].startswith("epoch 2")
    assert "tied" in lines[1][0]
    assert lines[3][3] == "no (0 of 8)"
    assert lines[3][4].startswith("does not follow the prompts")
    assert lines[4][4] == "the control: it cannot win"
    bars = page.evaluate(
        """() => [...document.querySelectorAll(".bespoke-interval")].map((bar) => {
             const [outer, inner] = [bar, bar.querySelector("i")].map((one) => one.getBoundingClientRect());
             return inner.width > 0 && inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
           })"""
    )
    assert bars == [True] * 5


def test_the_answer_stands_above_the_table_in_one_sentence(page: Any) -> None:
    verdict = decide(rows()).to_dict()
    show(page, verdict)
    assert page.inner_text(".bespoke-answer") == verdict["headline"]
    assert verdict["headline"].startswith("Use epoch 2 (lora-2)")
    assert page.evaluate(
        """() => document.querySelector(".bespoke-answer").getBoundingClientRect().bottom
             <= document.querySelector("table").getBoundingClientRect().top"""
    )


def test_a_mean_reads_as_it_does_in_the_text(page: Any) -> None:
    found = [Row("lora", 1, f"p{i}", 0, {"unique_colors": 253 + (i == 0)}) for i in range(4)]
    verdict = decide(found)
    assert "253.3 over 4 pictures" in verdict.text()
    assert show(page, verdict.to_dict())[0][1] == "253.3"


@pytest.mark.parametrize(("palette", "paper"), [("dark-theme", "#222222"), ("", "#c9c9c9")])
def test_colours_can_be_read_on_a_dark_and_on_a_light_palette(page: Any, palette: str, paper: str) -> None:
    show(page, decide(rows()).to_dict())
    worst = page.evaluate(
        """([palette, paper]) => {
          document.documentElement.className = palette;
          document.documentElement.style.setProperty("--comfy-input-bg", paper);
          const light = (color) => color.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const ground = light(getComputedStyle(document.querySelector(".bespoke-rows")).backgroundColor);
          return Math.min(...[".bespoke-yes", ".bespoke-no", ".bespoke-mark"].map((name) => {
            const ink = light(getComputedStyle(document.querySelector(name)).color);
            return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
          }));
        }""",
        [palette, paper],
    )
    page.evaluate("() => { document.documentElement.className = 'dark-theme'; }")
    assert worst >= 4.5


def test_a_name_from_a_stranger_is_text(page: Any) -> None:
    show(page, decide(rows()).to_dict())
    assert page.evaluate("() => window.ran") is None
    assert page.evaluate(
        "(name) => [...document.querySelectorAll('td')].some((cell) => cell.title === name)", HOSTILE
    )


def test_a_sweep_without_a_score_is_said_to_have_none(page: Any) -> None:
    assert show(page, decide([]).to_dict()) == []
    assert "Nothing was measured." in page.inner_text("#here")
