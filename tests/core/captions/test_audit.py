from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.captions.audit import Audit, audit_dataset
from bespoke_core.captions.checks import check_codes, check_colours, check_style, check_text, read_caption
from bespoke_core.captions.dataset import read_dataset
from bespoke_core.captions.findings import SEVERITIES
from bespoke_core.captions.report import audit_text
from bespoke_core.captions.style import DEFAULT_STYLE_PHRASES, normal_set
from bespoke_core.errors import InputError


def found(text: str) -> Counter[str]:
    """What the checks of one caption find in it, by kind."""
    reading = read_caption("a.txt", text)
    styles = normal_set(DEFAULT_STYLE_PHRASES)
    checks = (check_codes(reading), check_text(reading), check_style(reading, styles), check_colours(reading))
    return Counter(one.finding for check in checks for one in check)


def audit_of(folder: Path, texts: dict[str, str], **options) -> Audit:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    return audit_dataset(read_dataset(folder, skip_unreadable=True, check_pictures=True), **options)


CLEAN = "pixel art, brown hair, green eyes, tan skin, blue shirt, red background"


def test_a_clean_caption_has_no_findings() -> None:
    assert found(CLEAN) == {}


def test_one_code_beside_two_phrases_is_a_duplicate_whatever_its_case() -> None:
    kinds = found("brown hair (#AABBCC), long brown beard (#aabbcc), blue hat (#112233)")
    assert kinds == {"duplicate_code": 1}


def test_one_code_twice_in_one_phrase_is_no_duplicate() -> None:
    assert "duplicate_code" not in found("brown hair (#aabbcc) with tints (#aabbcc)")


def test_a_code_that_hair_and_background_share_is_pointed_out() -> None:
    reading = read_caption("a.txt", "brown hair (#aabbcc), red background (#aabbcc)")
    shared = [one for one in check_codes(reading) if one.finding == "shared_code"]
    assert len(shared) == 1
    assert "hair and background" in shared[0].advice.lower()
    assert shared[0].span == (12, 19)
    assert shared[0].text == "#aabbcc"


@pytest.mark.parametrize(
    "text",
    ["red hat, palette: #aabbcc", "red hat, #aabbcc, x", "red hat, palette: #112233, z, #112233"],
)
def test_a_code_that_belongs_to_no_phrase_is_found_once(text: str) -> None:
    assert found(text)["uncaptioned_code"] == 1


def test_a_palette_code_that_a_phrase_carries_too_is_captioned() -> None:
    assert "uncaptioned_code" not in found("red hat (#aabbcc), palette: #aabbcc")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("red hat (#aabbcc, #112233)", 2),
        ("red hat #aabbcc)", 1),
        ("red hat like #aabbcc", 1),
        ("red hat (#abc)", 1),
        ("red hat, palette: #aabbcc, #abc", 1),
        ("red hat (#aabbcc)", 0),
    ],
)
def test_malformed_codes_are_counted_one_by_one(text: str, count: int) -> None:
    assert found(text)["malformed_code"] == count


@pytest.mark.parametrize(
    "text",
    [
        "red hat (big",
        "red hat big)",
        "red red hat",
        "red hat, blue hat, Red hat",
        "red hat (#aabbcc), red hat",
        "red background, blue background",
        "red hat\nblue hat",
    ],
)
def test_malformed_text_is_found(text: str) -> None:
    assert found(text)["malformed_text"] == 1


@pytest.mark.parametrize(
    "text", ["grey / grey hat", "beard - beard is long", "red hat\n", "red hat\r\n  \r\n"]
)
def test_what_is_no_mistake_is_not_malformed(text: str) -> None:
    assert "malformed_text" not in found(text)


def test_style_phrases_are_boilerplate_wherever_they_stand() -> None:
    assert found("Sharp pixel edges, red hat, palette: #aabbcc, retro pixel art style")["boilerplate"] == 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("hair", 1),
        ("light skin", 1),
        ("solid background (#ff0000)", 1),
        ("hair, long brown hair", 0),
        ("bluegreen eyes", 0),
        ("red bow in hair", 0),
        ("slight smile", 0),
    ],
)
def test_a_feature_without_a_hue_word_is_found(text: str, count: int) -> None:
    assert found(text)["colourless_feature"] == count


def test_only_the_first_line_is_audited() -> None:
    assert found("red hat\nblue hat (#abc, #def), hair") == {"malformed_text": 1}


def test_a_phrase_of_most_captions_is_reported_but_not_the_trigger(tmp_path: Path) -> None:
    texts = {f"{i}.txt": f"bespoke punk, color{'abcdefghij'[i]}, smiling" for i in range(10)}
    texts["9.txt"] = "bespoke punk, colorj"
    audit = audit_of(tmp_path / "set", texts)
    assert (audit.files_with["frequent_phrase"], audit.places["frequent_phrase"]) == (9, 1)
    assert [(one.file, one.text, one.span) for one in audit.findings] == [("0.txt", "smiling", (22, 29))]
    assert "9 of 10 captions" in audit.findings[0].advice
    assert audit_of(tmp_path / "set", texts, trigger="Smiling").findings == ()


def test_a_few_captions_have_no_frequent_phrase(tmp_path: Path) -> None:
    audit = audit_of(tmp_path / "set", {f"{i}.txt": f"color{'abcd'[i]}, smiling" for i in range(4)})
    assert audit.findings == ()


def test_problems_with_files_become_findings(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name, color in (("a", "red"), ("b", "red"), ("c", "blue"), ("d", "green"), ("e", "white")):
        Image.new("RGB", (8, 8), color).save(folder / f"{name}.png")
    (folder / "d.txt").write_bytes(b"\xff")
    (folder / "e.png").write_bytes(b"no picture")
    texts = {"a.txt": "red hat", "b.txt": "red hat ", "e.txt": " ", "orphan.txt": "blue hat"}
    audit = audit_of(folder, texts)
    assert {(one.file, one.finding) for one in audit.findings} == {
        ("b.png", "duplicate_picture"),
        ("b.txt", "duplicate_caption"),
        ("c.png", "missing_caption"),
        ("d.txt", "not_utf8"),
        ("e.png", "broken_picture"),
        ("e.txt", "empty_caption"),
        ("orphan.txt", "orphan_caption"),
    }
    assert audit.captions == 4


def test_a_code_of_a_colour_that_the_picture_lacks_is_a_phantom(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    art = Image.new("RGBA", (8, 8), "#ff0000")
    art.putpixel((0, 0), (0, 0, 255, 0))
    art.save(folder / "a.png")
    text = "red hat (#fe0101), blue hat (#0000ff), palette: #0000FF, #f00, #ff0000"
    audit = audit_of(folder, {"a.txt": text})
    phantoms = [one for one in audit.findings if one.finding == "phantom_code"]
    assert [(one.file, one.text, one.span) for one in phantoms] == [("a.txt", "#0000ff", (29, 36))]


def test_a_photograph_with_many_colours_is_searched_whole(tmp_path: Path) -> None:
    ramp = Image.merge(
        "RGB", [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.new("L", (256, 256))]
    )
    ramp.save(tmp_path / "a.png")
    expected = ramp.getpixel((17, 211))
    near, far = "#{:02x}{:02x}{:02x}".format(*expected), "#0000ff"
    audit = audit_of(tmp_path, {"a.txt": f"red hat ({near}), blue hat ({far})"})
    assert [one.text for one in audit.findings if one.finding == "phantom_code"] == [far]


def test_a_picture_that_breaks_while_it_is_decoded_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "a.txt").write_text("red hat (#ff0000)", encoding="utf-8")
    audit = audit_dataset(read_dataset(tmp_path))
    assert [(one.file, one.finding) for one in audit.findings] == [("a.png", "broken_picture")]


def test_what_needs_pictures_is_absent_without_them(tmp_path: Path) -> None:
    audit = audit_of(tmp_path / "set", {"a.txt": "red hat"})
    assert audit.files_with["duplicate_code"] == 0
    assert (
        not {"missing_caption", "duplicate_picture", "broken_picture", "phantom_code"}
        & audit.files_with.keys()
    )


def test_the_json_form_is_the_one_that_scripts_rely_on(tmp_path: Path) -> None:
    form = audit_of(tmp_path / "set", {"a.txt": "hat (#aabbcc), red shirt (#aabbcc)"}).to_dict()
    keys = ["captions", "codes", "files_with", "places", "total", "worst", "statistics", "findings"]
    assert list(form) == keys
    assert form["total"] == sum(form["places"].values()) == len(form["findings"])
    assert form["worst"] == [{"file": "a.txt", "findings": form["total"]}]
    assert (form["captions"], form["codes"]) == (1, 2)
    assert form["files_with"]["duplicate_code"] == 1
    first = form["findings"][0]
    assert list(first) == ["file", "finding", "span", "text", "severity", "advice"]
    assert (first["file"], first["finding"], first["span"]) == ("a.txt", "duplicate_code", [5, 12])


def test_all_findings_are_passed_on_and_the_first_are_kept(tmp_path: Path) -> None:
    texts = {f"{i}.txt": "hat (#aabbcc), red shirt (#aabbcc)" for i in range(4)}
    told = []
    audit = audit_of(tmp_path / "set", texts, keep=2, on_finding=told.append)
    assert len(told) == audit.total == sum(audit.places.values()) > 8
    assert list(audit.findings) == told[:2]
    assert [one.file for one in told] == sorted(one.file for one in told)
    assert audit_of(tmp_path / "set", texts).findings == tuple(told)


def test_the_worst_files_come_with_picture_caption_and_findings(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    texts = {f"{i:02}.txt": f"hat {i} (#aabbcc" + ", red red" * (i % 3) for i in range(30)}
    for name in texts:
        Image.new("RGB", (8, 8), (int(name[:2]), 0, 0)).save(folder / name.replace(".txt", ".png"))
    (folder / "07.txt").write_bytes(b"\xff")
    del texts["07.txt"]
    audit = audit_of(folder, texts, keep=0)
    assert audit.findings == ()
    assert len(audit.worst) == 20
    first, second = audit.worst[:2]
    assert (first.file, first.caption, first.image_path) == ("07.txt", "", folder / "07.png")
    assert [one.finding for one in first.findings] == ["not_utf8"]
    assert (second.file, second.caption) == ("02.txt", texts["02.txt"])
    assert second.total == len(second.findings) > len(audit.worst[-1].findings)


def test_a_caption_with_a_hundred_thousand_mistakes_does_not_fill_the_memory(tmp_path: Path) -> None:
    audit = audit_of(tmp_path / "set", {"a.txt": "(" * 100_000}, keep=10)
    assert audit.places["malformed_text"] == 100_000
    assert audit.worst[0].total == audit.total
    assert len(audit.findings) == 10
    assert len(audit.worst[0].findings) == 200


def test_findings_name_files_in_folders_with_repeats(tmp_path: Path) -> None:
    for name in ("10_punk", "2_lady"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / "a.png")
        (tmp_path / name / "a.txt").write_text("red hat", encoding="utf-8")
    audit = audit_dataset(read_dataset(tmp_path))
    assert [(one.file, one.finding) for one in audit.findings] == [
        ("10_punk/a.png", "duplicate_picture"),
        ("10_punk/a.txt", "duplicate_caption"),
    ]
    assert "2_lady/a.txt has the same caption" in audit.findings[1].advice


def test_captions_in_another_encoding_are_audited_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("café (#aabbcc)".encode("cp1252"))
    assert audit_dataset(read_dataset(tmp_path, skip_unreadable=True)).files_with["not_utf8"] == 1
    audit = audit_dataset(read_dataset(tmp_path, encoding="cp1252"))
    assert (audit.files_with["not_utf8"], audit.codes) == (0, 1)


def test_pictures_are_left_alone_when_asked(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "a.txt").write_text("red hat", encoding="utf-8")
    audit = audit_dataset(read_dataset(tmp_path), pictures=False)
    assert audit.findings == ()
    assert audit.files_with["missing_caption"] == 0
    assert "broken_picture" not in audit.files_with


def test_a_limit_that_training_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_token_length"):
        audit_of(tmp_path / "set", {"a.txt": "red hat"}, max_token_length=77)


def test_progress_is_told_after_each_caption(tmp_path: Path) -> None:
    told = []
    audit_of(
        tmp_path / "set",
        {"a.txt": "x", "b.txt": "y"},
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]


@given(st.text())
def test_any_text_can_be_audited_and_every_span_lies_in_it(text: str) -> None:
    reading = read_caption("a.txt", text)
    checks = (check_codes, check_text, check_colours)
    for one in [*(f for check in checks for f in check(reading)), *check_style(reading, frozenset())]:
        start, end = one.span
        assert 0 <= start <= end <= len(text)
        assert text[start:end] == one.text
        assert one.severity == SEVERITIES[one.finding]


def test_the_report_names_the_totals_and_the_worst_files(tmp_path: Path) -> None:
    texts = {"good.txt": CLEAN, "bad.txt": "hair (#aabbcc), red background (#aabbcc)"}
    text = audit_text(audit_of(tmp_path / "set", texts))
    assert "2 captions with 2 colour codes; 3 findings" in text
    assert "| duplicate_code | 1 | 1 | warning |" in text
    assert "- `bad.txt`: 1 duplicate_code, 1 shared_code, 1 colourless_feature" in text
    assert "good.txt" not in text.split("## Worst files")[1]
    assert "Nothing to mend." in audit_text(audit_of(tmp_path / "clean", {"a.txt": CLEAN}))


def test_the_real_set_gives_the_experiments_figures(shared_data) -> None:
    root = shared_data / "bespoke-punks"
    dataset = read_dataset(
        root / "captions_original", images=root / "images_512", skip_unreadable=True, check_pictures=True
    )
    audit = audit_dataset(dataset)
    assert audit.captions == 203
    assert audit.codes == 3655
    assert audit.files_with["duplicate_code"] == 202
    assert audit.files_with["uncaptioned_code"] == 203
    assert audit.files_with["malformed_code"] == 9
    assert Counter(one.finding for one in audit.findings)["malformed_code"] == 34
    assert audit.files_with["boilerplate"] == 203
    assert audit.files_with["missing_caption"] == 0
    assert [one.file for one in audit.findings if one.finding == "duplicate_caption"] == ["lad_023_x-3.txt"]
    phantoms = [(one.file, one.text) for one in audit.findings if one.finding == "phantom_code"]
    assert phantoms == [("lad_091_amit.txt", "#000000")]
    brackets = {one.file for one in audit.findings if one.finding == "malformed_text" and one.text in "()"}
    assert brackets == {
        *("lad_041_Maradona.txt", "lady_044_x.txt", "lady_065_miggs.txt", "lady_094_violetta.txt"),
    }
