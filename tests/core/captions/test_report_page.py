from __future__ import annotations

import json
import os
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from audits import CLEAN, HOSTILE, MESSY, audit_of, write_set

from bespoke_core.captions.audit import audit_dataset
from bespoke_core.captions.dataset import read_dataset
from bespoke_core.captions.report_page import FILES, AuditReport, audit_html, write_audit_report
from bespoke_core.errors import InputError


class Page(HTMLParser):
    """What a browser would see of a page: its elements, and the words in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.scripts = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts += data
        else:
            self.words += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_report_has_a_page_markdown_and_every_finding(tmp_path: Path) -> None:
    audit = audit_of(tmp_path / "set", {"a.txt": MESSY, "b.txt": CLEAN})
    files = write_audit_report(tmp_path / "report", audit, title="my set")
    assert {kind: path.name for kind, path in files.items()} == FILES
    lines = files["findings"].read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [found.to_dict() for found in audit.findings]
    assert files["markdown"].read_text(encoding="utf-8").startswith("# Caption audit")
    page = Page(files["html"].read_text(encoding="utf-8"))
    assert "Caption audit of my set" in page.words
    assert "1 of 2 captions needs work" in page.words
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(FILES.values())


def test_the_page_opens_offline(tmp_path: Path) -> None:
    page = Page(audit_html(audit_of(tmp_path / "set", {"a.txt": MESSY})))
    sources = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href")]
    assert sources
    assert all(str(source).startswith("data:image/png;base64,") for source in sources)
    policy = next(attrs for attrs in page.all("meta") if "http-equiv" in attrs)["content"]
    assert "default-src 'none'" in str(policy)


def test_no_caption_can_put_anything_into_the_page(tmp_path: Path) -> None:
    texts = {f"{number}.txt": f"hair (#aabbcc), {text}, ((" for number, text in enumerate(HOSTILE)}
    if sys.platform != "win32":
        texts.update({f"{text.replace('/', '')}.txt": f"{text} #aabbcc" for text in HOSTILE})
    audit = audit_of(tmp_path / "set", texts, pictures=False)
    page = Page(audit_html(audit, title=HOSTILE[0]))
    assert len(page.all("script")) == 1
    assert "owned" not in page.scripts
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
    assert {"iframe", "object", "a", "link", "base", "form"}.isdisjoint(tag for tag, _ in page.tags)
    assert len(page.all("img")) == 0
    for text in HOSTILE:
        assert text in page.words


def test_the_page_runs_its_own_script_and_no_other(tmp_path: Path) -> None:
    import base64
    import hashlib

    page = Page(audit_html(audit_of(tmp_path / "set", {"a.txt": MESSY})))
    digest = base64.b64encode(hashlib.sha256(page.scripts.encode("utf-8")).digest()).decode("ascii")
    policy = next(attrs for attrs in page.all("meta") if "http-equiv" in attrs)["content"]
    assert f"script-src 'sha256-{digest}'" in str(policy)


def test_the_worst_files_come_with_their_pictures_and_swatches(tmp_path: Path) -> None:
    page = Page(audit_html(audit_of(tmp_path / "set", {"a.txt": MESSY, "b.txt": CLEAN})))
    (picture,) = page.all("img")
    assert picture["class"] == "pic"
    swatches = {str(attrs.get("style")) for attrs in page.all("span") if "swatch" in str(attrs.get("class"))}
    assert {"background:#20c040", "background:#5a3220", "background:#112233"} <= swatches
    assert "not its colour" in page.words  # hair has the background's green
    marks = {str(attrs["class"]).strip() for attrs in page.all("mark")}
    assert {"wrong", "code-kind", "bare", "style"} <= marks


def test_lengths_phrases_and_colours_are_shown(
    tmp_path: Path, comfyui_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BESPOKE_TOKENIZER", str(comfyui_folder / "comfy" / "sd1_tokenizer"))
    page = Page(audit_html(audit_of(tmp_path / "set", {"a.txt": MESSY, "b.txt": CLEAN})))
    assert page.all("svg")
    assert "The median caption has" in page.words
    assert "Which colours the pictures have" in page.words
    assert "retro pixel art style" in page.words
    assert "All captions begin with pixel art" in page.words


def test_without_a_tokenizer_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bespoke_core.tokenizer.look_for_tokenizer", lambda folder="": None)
    page = Page(audit_html(audit_of(tmp_path / "set", {"a.txt": MESSY})))
    assert "No CLIP tokenizer was found" in page.words
    assert not page.all("svg")


def test_files_that_cannot_be_used_are_listed(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a.txt": CLEAN, "b.txt": CLEAN + ", hat", "c.txt": ""})
    (folder / "b.txt").write_bytes(b"red hat \xff")
    (folder / "a.png").write_bytes(b"no picture")
    audit = audit_dataset(read_dataset(folder, skip_unreadable=True))
    page = Page(audit_html(audit))
    shown = page.words.split("Files that cannot be used")[1].split("The worst files")[0]
    for kind in ("not_utf8", "broken_picture", "empty_caption"):
        assert kind in shown
    assert "no picture" in page.words


def test_a_clean_set_has_nothing_to_mend(tmp_path: Path) -> None:
    page = Page(audit_html(audit_of(tmp_path / "set", {"a.txt": CLEAN})))
    assert "Nothing to mend in 1 caption" in page.words
    assert "What to do first" not in page.words
    assert not page.all("article")


def test_what_is_only_worth_knowing_is_not_called_work(tmp_path: Path) -> None:
    texts = {f"{i}.txt": f"punk {i}, slight smile, blue shirt, green eyes" for i in range(9)}
    page = Page(audit_html(audit_of(tmp_path, texts)))
    assert "Nothing to mend in 9 captions, but something to know" in page.words
    assert "Look at phrases that nearly all captions share" in page.words


def test_a_set_of_which_nothing_can_be_read_can_be_reported(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a.txt": CLEAN}, pictures=False)
    (folder / "a.txt").write_bytes(b"red hat \xff")
    audit = audit_dataset(read_dataset(folder, skip_unreadable=True))
    page = Page(write_audit_report(tmp_path / "report", audit)["html"].read_text(encoding="utf-8"))
    assert "1 finding in 0 captions" in page.words
    assert "not_utf8" in page.words.split("Files that cannot be used")[1]


def test_the_page_holds_three_thousand_findings_and_the_file_all(tmp_path: Path) -> None:
    brackets = ", ".join("(" for _ in range(700))
    audit = audit_of(tmp_path / "set", {f"{i}.txt": f"{i} {brackets}" for i in range(5)}, pictures=False)
    assert audit.total > 3500
    files = write_audit_report(tmp_path / "report", audit)
    assert len(files["findings"].read_text(encoding="utf-8").splitlines()) == audit.total
    page = Page(files["html"].read_text(encoding="utf-8"))
    assert f"These are the first 3,000 of {audit.total:,}" in page.words
    assert files["html"].stat().st_size < 3_000_000


def test_findings_are_written_while_the_audit_runs(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a.txt": MESSY, "b.txt": CLEAN, "c.txt": ""})
    with AuditReport(tmp_path / "report") as report:
        audit = audit_dataset(read_dataset(folder, skip_unreadable=True), keep=1, on_finding=report.add)
        files = report.write(audit)
        assert not (tmp_path / "report").exists()
    assert len(audit.findings) == 1
    lines = files["findings"].read_text(encoding="utf-8").splitlines()
    assert len(lines) == audit.total > 5
    page = Page(files["html"].read_text(encoding="utf-8"))
    assert "uncaptioned_code" in page.words
    assert "empty_caption" in page.words.split("Files that cannot be used")[1]


def test_an_audit_that_fails_leaves_the_former_report(tmp_path: Path) -> None:
    target = tmp_path / "report"
    write_audit_report(target, audit_of(tmp_path / "set", {"a.txt": MESSY}))
    before = {path.name: path.read_bytes() for path in target.iterdir()}

    def half_done() -> None:
        with AuditReport(target) as report:
            audit_of(tmp_path / "other", {"b.txt": MESSY}, on_finding=report.add)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        half_done()
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_report_that_is_never_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="without write"), AuditReport(tmp_path / "report"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_new_report_replaces_an_old_one_but_never_other_files(tmp_path: Path) -> None:
    audit = audit_of(tmp_path / "set", {"a.txt": MESSY})
    target = tmp_path / "report"
    write_audit_report(target, audit)
    write_audit_report(target, audit_of(tmp_path / "set2", {"a.txt": CLEAN}))
    assert (target / "findings.jsonl").read_bytes() == b""
    (target / "my notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"my notes\.txt"):
        write_audit_report(target, audit)
    assert (target / "my notes.txt").read_text(encoding="utf-8") == "mine"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="is a file"):
        write_audit_report(tmp_path / "file", audit)


def test_a_title_that_is_no_text_does_not_stop_the_report(tmp_path: Path) -> None:
    audit = audit_of(tmp_path / "set", {"a.txt": MESSY}, pictures=False)
    files = write_audit_report(tmp_path / "report", audit, title=os.fsdecode(b"\xff"))
    assert "\\udcff" in files["html"].read_text(encoding="utf-8")


def test_the_real_set_is_reported_for_people(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "bespoke-punks"
    audit = audit_dataset(read_dataset(root / "captions_original", images=root / "images_512"))
    files = write_audit_report(tmp_path / "report", audit)
    page = Page(files["html"].read_text(encoding="utf-8"))
    assert "203 of 203 captions need work" in page.words
    assert "3,655 colour codes" in page.words
    assert len(page.all("img")) == 20
    assert files["html"].stat().st_size < 2_000_000
    assert len(files["markdown"].read_text(encoding="utf-8")) < 10_000
