"""A sweep's report in a real Chromium, from a file, as its readers open it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canvas import find_chromium
from PIL import Image

from bespoke_core.evaluation.contact_sheet import ReportPicture
from bespoke_core.evaluation.report import write_report
from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<img src=x onerror=window.ran=1>"
HASH = "ab" * 32


def pictures_in(folder: Path) -> list[ReportPicture]:
    found = []
    for epoch in (None, 1, 2, 10):
        for prompt in ("green", HOSTILE):
            for seed in range(4):
                path, sprite = folder / f"{len(found)}.png", folder / f"{len(found)}-24.png"
                Image.new("RGB", (64, 64), (20 * (epoch or 0), 90, 30 * seed)).save(path)
                Image.new("RGB", (24, 24), (20 * (epoch or 0), 90, 30 * seed)).save(sprite)
                scores = {
                    "unique_colors": 9 + 30 * (epoch or 5) + seed,
                    "background_match": "no" if epoch == 1 else "yes",
                    "palette_distance": None if seed == 3 else 1.5 * seed,
                    "checkpoint_sha256": HASH if epoch else None,
                }
                name = "base" if epoch is None else f"lora-{epoch}"
                found.append(ReportPicture(Row(name, epoch, prompt, seed, scores), path, sprite))
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The open page of a sweep with a hostile prompt."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium: install the package `chromium` to open the report")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[test]'")
    folder = tmp_path_factory.mktemp("sweep")
    pictures = pictures_in(folder)
    rows = [picture.row for picture in pictures]
    prompts = {"green": "a green thing", HOSTILE: HOSTILE}
    settings = {
        "folder": "my_sweep",
        "steps": 30,
        "prompts": prompts,
        "base_files": {"sd15.safetensors": HASH},
    }
    files = write_report(folder / "report", rows, decide(rows), pictures=pictures, settings=settings)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.asked, opened.said = [], []
        opened.on("request", lambda request: opened.asked.append(request.url))
        opened.on("console", lambda message: opened.said.append(message.text))
        opened.on("pageerror", lambda error: opened.said.append(str(error)))
        opened.goto(files["html"].as_uri())
        yield opened
        browser.close()


def shown(page: Any) -> list[list[str]]:
    script = """() => [...document.querySelectorAll("#scores tbody tr")].filter((row) => !row.hidden)
      .map((row) => [...row.cells].map((cell) => cell.textContent))"""
    rows: list[list[str]] = page.evaluate(script)
    return rows


def column(page: Any, name: str) -> int:
    heads: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('#scores thead th')].map((head) => head.textContent)"
    )
    return heads.index(name.replace("_", " "))


def test_the_page_asks_nothing_of_the_network_and_runs_no_name(page: Any) -> None:
    assert page.title() == "Which checkpoint to use: my_sweep"
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.said == []
    assert page.evaluate("() => window.ran") is None
    assert HOSTILE in page.locator("body").inner_text()
    assert HASH in page.locator("body").inner_text()


def test_every_picture_is_there_in_both_sizes_with_its_score_and_a_name_for_who_cannot_see(page: Any) -> None:
    figures = page.evaluate(
        """() => [...document.querySelectorAll("figure")].map((figure) => [
             figure.querySelectorAll("img").length, figure.querySelector("b").textContent,
             [...figure.querySelectorAll("img")].every((img) => img.alt.includes("seed"))])"""
    )
    assert len(figures) == 32
    assert all(images == 2 and score and named for images, score, named in figures)
    assert page.evaluate("() => document.querySelector('.chart').alt").startswith("Mean of colours")


def test_the_table_sorts_numbers_as_numbers_with_gaps_last_and_says_so(page: Any) -> None:
    at = column(page, "unique_colors")
    head = f"#scores thead th:nth-child({at + 1})"
    page.click(f"{head} button")
    values = [int(row[at]) for row in shown(page)]
    assert values == sorted(values)
    assert page.get_attribute(head, "aria-sort") == "ascending"
    page.focus(f"{head} button")
    page.keyboard.press("Enter")
    assert [int(row[at]) for row in shown(page)] == sorted(values, reverse=True)
    at = column(page, "palette_distance")
    for _ in range(2):
        page.click(f"#scores thead th:nth-child({at + 1}) button")
        assert [row[at] for row in shown(page)][-8:] == [""] * 8
    page.click(f"#scores thead th:nth-child({column(page, 'epoch') + 1}) button")
    epochs = [row[1] for row in shown(page)]
    assert epochs == ["1"] * 8 + ["2"] * 8 + ["10"] * 8 + [""] * 8


def test_the_table_filters_by_words_checkpoint_and_prompt(page: Any) -> None:
    page.fill("#filter", "LORA-2 green")
    assert {(row[0], row[2]) for row in shown(page)} == {("lora-2", "green")}
    assert page.inner_text("#count") == "4 of 32 pictures"
    page.fill("#filter", "")
    page.select_option("select[data-column='0']", "lora-10")
    page.select_option("select[data-column='2']", HOSTILE)
    assert {(row[0], row[2]) for row in shown(page)} == {("lora-10", HOSTILE)}
    page.select_option("select[data-column='0']", index=0)
    page.select_option("select[data-column='2']", index=0)
    assert len(shown(page)) == 32


def test_what_the_chosen_one_draws_stands_at_the_top_one_picture_a_prompt(page: Any) -> None:
    names = page.evaluate("() => [...document.querySelectorAll('.strip img')].map((img) => img.alt)")
    assert names == [f"epoch 2, {HOSTILE}, seed 0", "epoch 2, green, seed 0"]
    assert "sd15.safetensors" in page.locator("#again + dl").inner_text()


def test_numbers_stand_flush_right_and_words_do_not(page: Any) -> None:
    def flush(name: str) -> str:
        cell = f"#scores tbody tr td:nth-child({column(page, name) + 1})"
        align: str = page.evaluate("(cell) => getComputedStyle(document.querySelector(cell)).textAlign", cell)
        return align

    assert [flush(name) for name in ("unique_colors", "palette_distance", "epoch")] == ["right"] * 3
    assert flush("background_match") in ("left", "start")


def test_a_picture_is_enlarged_by_a_click_or_a_key_and_the_arrows_turn_the_pages(page: Any) -> None:
    first = page.locator("#groups figure .pair").first
    first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#large").is_visible()
    width = page.evaluate("() => document.querySelector('#large img.sprite').getBoundingClientRect().width")
    assert width >= 400
    told = page.inner_text("#large p")
    assert told.startswith("epoch 2, ")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#large p") != told
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#large p") == told
    page.keyboard.press("Escape")
    assert not page.locator("#large").is_visible()
    assert page.evaluate("() => document.activeElement.matches('figure .pair')")
    assert page.evaluate("() => window.ran") is None


def test_the_checkpoints_are_shown_side_by_side_on_one_prompt_and_back(page: Any) -> None:
    shown_groups = "() => [...document.querySelectorAll('#groups h3')].map((one) => one.textContent)"
    before = page.evaluate(shown_groups)
    page.select_option("#side", "what")
    assert sorted(page.evaluate(shown_groups)) == sorted(["green", HOSTILE])
    lines = page.evaluate(
        """() => [...document.querySelector("#groups details").querySelectorAll("figcaption .of")]
             .slice(0, 5).map((one) => one.innerText)"""
    )
    assert lines == ["the base model without a LoRA", "epoch 1", "epoch 2", "epoch 10", *lines[:1]]
    page.select_option("#side", "of")
    assert page.evaluate(shown_groups) == before
    assert page.evaluate("() => document.querySelectorAll('#groups details:first-child figure').length") == 8


def test_the_ranking_says_why_each_lost(page: Any) -> None:
    text = page.locator("#ranking").inner_text()
    assert "does not follow the prompts: 0 of 8 clear answers are yes" in text
    assert "chosen" in text


@pytest.mark.parametrize("width", [360, 420, 1280])
def test_nothing_sticks_out_of_the_window(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert wide <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_enough_from_the_paper(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    worst = page.evaluate(
        """() => {
          const parts = (color) => color.match(/[0-9.]+/g).slice(0, 3).map(Number);
          const light = (color) => parts(color).map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const paper = light(getComputedStyle(document.body).backgroundColor);
          return Math.min(...[".yes", ".no", ".mark", ".small", "figcaption", ".why", "h1"].map((name) => {
            const ink = light(getComputedStyle(document.querySelector(name)).color);
            return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
          }));
        }"""
    )
    page.emulate_media(color_scheme="light")
    assert worst >= 4.5


def test_on_paper_every_picture_is_open_and_the_tools_are_gone(page: Any) -> None:
    page.evaluate("() => document.querySelectorAll('details.group').forEach((one) => { one.open = false; })")
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert page.locator("figure img").first.is_visible()
    assert not page.locator("#filter").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
