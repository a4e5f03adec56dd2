from __future__ import annotations

from pathlib import Path

import pytest
from audits import CLEAN, HOSTILE, MESSY, audit_of, write_set

from bespoke_core.captions.clean_dataset import clean_dataset
from bespoke_core.captions.clean_report import CleanReport
from bespoke_core.captions.dataset import read_dataset
from bespoke_core.captions.findings import SEVERITIES
from bespoke_core.captions.report import MEANINGS, audit_text, clean_text, worst_files
from bespoke_core.captions.todo import Step, what_to_do


def cleaning(**changes) -> CleanReport:
    values = {
        "files": 3,
        "changed": 2,
        "codes_removed": 5,
        "codes_left": 0,
        "text_kept": 1.0,
        "repaired": 0,
        "left_colourless": 0,
        "repairs": (),
        "unrepaired": (),
        "diff": (),
        "removed_phrases": (),
        "skipped": (),
        "output": None,
        "backup": None,
    }
    return CleanReport(**{**values, **changes})


def test_every_kind_of_finding_has_a_meaning() -> None:
    assert set(MEANINGS) == set(SEVERITIES)


def test_the_worst_file_comes_first(tmp_path: Path) -> None:
    audit = audit_of(tmp_path, {"a.txt": CLEAN, "b.txt": MESSY, "c.txt": "red hat (#aabbcc)"})
    worst = worst_files(audit)
    assert [name for name, _ in worst] == ["b.txt", "c.txt"]
    assert worst[0][1]["uncaptioned_code"] == 1
    assert [name for name, _ in worst_files(audit, 1)] == ["b.txt"]


def test_the_text_says_what_to_do_what_was_found_and_where(tmp_path: Path) -> None:
    text = audit_text(audit_of(tmp_path, {"a.txt": MESSY, "b.txt": CLEAN}))
    assert "1. **Clean the captions.** They hold 7 colour codes." in text
    assert "| uncaptioned_code | 1 | 1 | warning |" in text
    assert "## How long the captions are" in text
    assert "- `a.txt`: 3 colourless_feature, 2 duplicate_code" in text
    assert "- **misplaced_code** in `a.txt` `#20c040`: Only the background has this colour" in text


def test_ten_thousand_findings_are_a_short_text(tmp_path: Path) -> None:
    brackets = ", ".join("(" for _ in range(2000))
    audit = audit_of(tmp_path, {f"{i}.txt": f"{i} {brackets}" for i in range(5)}, pictures=False)
    assert audit.total > 10_000
    assert len(audit_text(audit)) < 6_000


def test_captions_cannot_put_markup_into_the_text(tmp_path: Path) -> None:
    texts = {f"{i}.txt": f"{text} (#aabbcc), {text} hair (#aabbcc)" for i, text in enumerate(HOSTILE)}
    text = audit_text(audit_of(tmp_path, texts, pictures=False), worst=20)
    outside = "".join(text.split("`")[::2])  # what stands in backticks shows as it is
    assert "<script" not in outside.replace("\\<", "")
    assert "<img" not in outside.replace("\\<", "")
    assert "](javascript" not in outside.replace("\\[", "")


def test_a_clean_set_has_nothing_to_mend(tmp_path: Path) -> None:
    audit = audit_of(tmp_path, {"a.txt": CLEAN})
    assert "Nothing to mend." in audit_text(audit)
    assert what_to_do(audit) == ()


def steps_of(tmp_path: Path, texts: dict[str, str], **options) -> dict[str, str]:
    steps = what_to_do(audit_of(tmp_path, texts, **options))
    assert all(isinstance(step, Step) for step in steps)
    return dict(steps)


def test_what_cannot_be_used_comes_first(tmp_path: Path) -> None:
    folder = write_set(tmp_path, {"a.txt": MESSY, "b.txt": CLEAN})
    (folder / "b.txt").unlink()
    steps = list(steps_of(folder, {"a.txt": MESSY}))
    assert steps[:2] == ["Mend the files that cannot be used", "Clean the captions"]


def test_each_step_names_its_figures(tmp_path: Path) -> None:
    texts = {
        "a.txt": MESSY,
        "b.txt": "pixel art, red red hat, slight smile",
        "c.txt": "pixel art, red red hat, slight smile",
        **{f"{i}.txt": f"pixel art, slight smile, blue thing {i}" for i in range(12)},
    }
    steps = steps_of(tmp_path, texts)
    assert "1 caption one code stands beside features" in steps["Clean the captions"]
    assert "background 1, hair 1, skin 1" in steps["Name the colours that no word names"]
    assert steps["Correct by hand"].startswith("2 captions have a bracket")
    assert "1 caption is the same as an earlier one" in steps["Look at copies"]
    assert '("slight smile")' in steps["Look at phrases that nearly all captions share"]
    assert "No picture has" in steps["Know which colours are not there"]


def test_boilerplate_alone_is_cleaned_too(tmp_path: Path) -> None:
    steps = steps_of(tmp_path, {"a.txt": f"{CLEAN}, sharp pixel edges"})
    text = steps["Clean the captions"]
    assert text == "1 caption holds boilerplate about the style of the whole set. Every other word stays."


def test_captions_that_are_cut_off_are_a_step(
    tmp_path: Path, comfyui_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BESPOKE_TOKENIZER", str(comfyui_folder / "comfy" / "sd1_tokenizer"))
    codes = ", ".join(f"#{number:06x}" for number in range(0x100000, 0x100030))
    steps = steps_of(tmp_path, {"a.txt": f"red hat, palette: {codes}"})
    assert steps["Shorten what is cut off"].startswith("1 caption has more tokens than training reads")
    assert "After cleaning the longest has 2 tokens" in steps["Shorten what is cut off"]


def test_copies_of_pictures_are_a_step(tmp_path: Path) -> None:
    folder = write_set(tmp_path, {"a.txt": CLEAN, "b.txt": CLEAN + ", smile"})
    copy = (folder / "a.png").read_bytes()
    (folder / "b.png").write_bytes(copy)
    audit_again = what_to_do(audit_of(folder, {}, pictures=False))
    assert dict(audit_again)["Look at copies"].startswith("1 picture is a copy")


def test_a_cleaning_is_told_with_before_and_after(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a.txt": MESSY, "b.txt": CLEAN})
    text = clean_text(clean_dataset(read_dataset(folder), dry_run=True))
    assert text.startswith("# Captions as cleaning would change them")
    assert "1 of 2 captions changes; 7 colour codes removed, 0 left; 100.0% of the words kept." in text
    assert f"- {MESSY}" in text
    assert "+ pixel art, hair, brown eyes, skin, solid background" in text


def test_repairs_are_told_with_their_reasons(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a.txt": MESSY, "b.txt": CLEAN})
    report = clean_dataset(read_dataset(folder), dry_run=True, colourless="name")
    text = clean_text(report)
    assert report.repaired >= 1
    assert f"## Colours named: {report.repaired}" in text
    assert "- background, 1 (" in text
    assert "`solid background` is" in text
    assert "as its code #20c040 says" in text
    assert f"## Left without a colour: {report.left_colourless}" in text
    assert report.unrepaired[0]["reason"].replace("*", "\\*") in text


def test_what_could_not_be_repaired_is_grouped_by_reason() -> None:
    hidden = [
        {"file": f"{i}.txt", "feature": "hair", "phrase": "long hair", "reason": "A hat hides it."}
        for i in range(40)
    ]
    other = [{"file": "x.txt", "feature": "eyes", "phrase": "eyes", "reason": "Too small."}]
    text = clean_text(cleaning(unrepaired=(*other, *hidden), left_colourless=41))
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    assert lines == [
        "- hair, 40: A hat hides it. Such as `long hair` in `0.txt`.",
        "- eyes, 1: Too small. Such as `eyes` in `x.txt`.",
    ]


def test_a_long_cleaning_is_a_short_text() -> None:
    diff = tuple({"file": f"{i}.txt", "before": "x" * 9000, "after": "y" * 9000} for i in range(300))
    repairs = tuple(
        {
            "file": f"{i}.txt",
            "feature": "hair",
            "phrase": "hair " * 200,
            "name": "brown",
            "source": "picture",
            "code": None,
            "reason": f"Reason {i}.",
        }
        for i in range(300)
    )
    report = cleaning(
        changed=5000,
        diff=diff,
        repairs=repairs,
        repaired=4000,
        left_colourless=900,
        unrepaired=repairs,
        skipped=tuple(f"{i}.txt" for i in range(1000)),
        removed_phrases=("slight smile",),
    )
    text = clean_text(report)
    assert len(text) < 100_000
    assert "... and 4,980 more captions." in text
    assert "... and 3,980 more names." in text
    assert "... and 980 more files that cannot be read." in text
    assert "(The reasons are those of the first 300.)" in text
    assert "- removed, because most captions say it: `slight smile`" in text
    assert len(clean_text(report, most=1)) < len(text)


def test_a_caption_cannot_end_the_block_that_shows_it() -> None:
    diff = ({"file": "a`.txt", "before": "```\n# owned", "after": "x"},)
    text = clean_text(cleaning(diff=diff))
    assert text.count("```") == 2
    assert "\n- # owned\n" in text
