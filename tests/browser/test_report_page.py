"""The audit's report page in a real Chromium, from a file, as its readers open it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audits import CLEAN, HOSTILE, MESSY, audit_of
from canvas import find_chromium

from bespoke_core.captions.report_page import write_audit_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The open page of a set with hostile captions."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium: install the package `chromium` to open the report")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[test]'")
    folder = tmp_path_factory.mktemp("report")
    texts = {"a.txt": MESSY, "b.txt": CLEAN, "c10.txt": "red red hat", "c9.txt": "blue blue hat"}
    texts.update({f"h{i}.txt": f"{text}, hair (#aabbcc), eyes (#aabbcc)" for i, text in enumerate(HOSTILE)})
    files = write_audit_report(folder / "report", audit_of(folder / "set", texts))
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.asked = []
        opened.said = []
        opened.on("request", lambda request: opened.asked.append(request.url))
        opened.on("console", lambda message: opened.said.append(message.text))
        opened.on("pageerror", lambda error: opened.said.append(str(error)))
        opened.goto(Path(files["html"]).as_uri())
        yield opened
        browser.close()


def shown(page: Any) -> list[list[str]]:
    script = """() => [...document.querySelectorAll("#findings tbody tr")].filter((row) => !row.hidden)
      .map((row) => [...row.cells].map((cell) => cell.textContent))"""
    rows: list[list[str]] = page.evaluate(script)
    return rows


def test_no_caption_runs_and_nothing_is_asked_of_the_network(page: Any) -> None:
    assert page.title() == "Caption audit"
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.said == []
    for text in HOSTILE:
        assert text in page.locator("body").inner_text()


def test_the_table_filters_by_words_and_by_kind(page: Any) -> None:
    every = len(shown(page))
    page.fill("#text", "C10.TXT")
    assert {row[0] for row in shown(page)} == {"c10.txt"}
    page.fill("#text", "")
    page.select_option("#kind", "malformed_text")
    kinds = shown(page)
    assert 0 < len(kinds) < every
    assert {row[1] for row in kinds} == {"malformed_text"}
    assert page.inner_text("#count") == f"{len(kinds)} shown"
    page.select_option("#kind", "")
    assert len(shown(page)) == every


def test_the_table_sorts_by_each_column_and_back(page: Any) -> None:
    page.click("#findings th:nth-child(1) button")
    names = [row[0] for row in shown(page)]
    assert names.index("c9.txt") < names.index("c10.txt")
    assert page.get_attribute("#findings th:nth-child(1)", "aria-sort") == "ascending"
    page.click("#findings th:nth-child(1) button")
    assert shown(page)[0][0].startswith("h")
    page.click("#findings th:nth-child(3) button")
    ranks = ["error", "warning", "info"]
    severities = [ranks.index(row[2]) for row in shown(page)]
    assert severities == sorted(severities)
    assert page.get_attribute("#findings th:nth-child(1)", "aria-sort") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read_in_light_and_in_dark(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    ink, paper = page.evaluate(
        "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
    )
    light = {name: sum(map(int, value[4:-1].split(","))) for name, value in (("ink", ink), ("paper", paper))}
    assert (light["paper"] > light["ink"]) == (scheme == "light")
    assert abs(light["paper"] - light["ink"]) > 450


def test_nothing_sticks_out_of_a_narrow_window(page: Any) -> None:
    page.set_viewport_size({"width": 420, "height": 800})
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert wide <= 420
