"""The inference sheet: which guidance, with or without a negative prompt, and how sure."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loras import write_lora
from PIL import Image

from bespoke_core.cli import main
from bespoke_core.errors import InputError
from bespoke_core.evaluation.contact_sheet import ReportPicture
from bespoke_core.evaluation.lora_facts import LoraFacts, facts_of_measured, lora_facts
from bespoke_core.evaluation.sheet import make_sheet
from bespoke_core.evaluation.sheet_files import FILES, sheet_html, sheet_markdown, write_sheet
from bespoke_core.evaluation.table import Row, write_csv

NEGATIVE = "blurry, smooth, photo"
NASTY = '<script>alert("x")</script> & | pipe'
SETTINGS: dict[str, Any] = {
    "steps": 30,
    "sampler_name": "euler",
    "scheduler": "normal",
    "width": 512,
    "height": 512,
    "prompts": {"green": "a lad, bright green background", NASTY: NASTY},
    "base_files": {"v1-5.safetensors": "e9" * 32},
    "sprites": {"width": 24, "height": 24, "method": "nearest"},
    "versions": {"comfyui": "0.30.0"},
}
TRAINED = {
    "ss_sd_model_name": "v1-5.safetensors",
    "ss_new_sd_model_hash": "e9" * 32,
    "ss_network_dim": "32",
    "ss_resolution": "(512, 512)",
    "ss_tag_frequency": json.dumps({"10_punks": {"pixel art": 20, "portrait": 19, "red hair": 4}}),
    "ss_dataset_dirs": json.dumps({"10_punks": {"n_repeats": 10, "img_count": 20}}),
}


def study(
    *,
    guidance: tuple[float, ...] = (7.0, 7.5, 8.0),
    strengths: tuple[float, ...] = (0.8, 1.0),
    seeds: int = 4,
    prompts: tuple[str, ...] = ("green", NASTY, "bow"),
    worth: float = 40.0,
) -> list[Row]:
    """7.5 is better than the other scales by `worth`; the negative prompt only adds chance."""
    rng = np.random.default_rng(1)
    rows = []
    for prompt in prompts:
        for seed in range(seeds):
            luck = rng.normal(0, 15)
            for cfg in guidance:
                for strength in strengths:
                    for text in ("", NEGATIVE):
                        value = 200 + worth * (cfg != 7.5) + luck * bool(text) + rng.normal(0, 3)
                        scores = {
                            "cfg": cfg,
                            "negative_prompt": text,
                            "strength_model": strength,
                            "strength_clip": strength,
                            "unique_colors": round(value),
                            "background_match": "yes",
                            "checkpoint_sha256": "ab" * 32,
                        }
                        rows.append(Row("my_lora", 8, prompt, seed, scores))
    return rows


def states(rows: list[Row], **options: Any) -> dict[str, tuple[str, str]]:
    return {one.name: (one.label, one.state) for one in make_sheet(rows, SETTINGS, **options).choices}


def test_the_sheet_says_which_guidance_and_that_the_negative_prompt_is_a_tie() -> None:
    found = states(study())
    assert found["cfg"] == ("7.5", "decided")
    assert found["negative_prompt"][1] == found["strength"][1] == "tie"
    assert found["steps"] == ("30", "one value")
    assert found["size"] == ("512x512", "one value")
    sheet = make_sheet(study(), SETTINGS)
    guidance = sheet.choice("cfg")
    assert guidance is not None
    assert [one.mark for one in guidance.tried] == ["chosen", "", ""]
    for one in guidance.tried:
        assert one.low is not None and one.mean is not None and one.high is not None
        assert one.low < one.mean < one.high
    assert "guidance 7.5" in sheet.headline
    assert "more seed" in sheet.choice("negative_prompt").sentence  # type: ignore[union-attr]


def test_strengths_of_unet_and_text_encoder_go_together() -> None:
    rows = [row for row in study() if row.scores["negative_prompt"] == ""]
    mixed = [Row(r.checkpoint, r.epoch, r.prompt, r.seed, {**r.scores, "strength_clip": 0.5}) for r in rows]
    assert states(mixed)["strength"][0].endswith("on the UNet, 0.5 on the text encoder")
    assert states(mixed)["strength"][1] == "tie"


def test_where_one_guidance_was_swept_nothing_is_claimed_of_others() -> None:
    sheet = make_sheet(study(guidance=(7.5,)), SETTINGS)
    cfg = sheet.choice("cfg")
    assert cfg is not None and (cfg.label, cfg.state, cfg.tried) == ("7.5", "one value", ())
    assert any("other values of guidance (cfg)" in note for note in sheet.notes)
    assert "Decided" not in sheet.sureness.replace("Not decided", "")


def test_one_seed_is_said() -> None:
    sheet = make_sheet(study(seeds=1), SETTINGS)
    assert any("only one seed" in note for note in sheet.notes)
    assert sheet.choice("cfg").state != "decided"  # type: ignore[union-attr]


def test_scores_that_are_not_numbers_decide_nothing(tmp_path: Path) -> None:
    rows = study()
    for row in rows:
        row.scores["unique_colors"] = math.nan
    sheet = make_sheet(rows, SETTINGS)
    assert sheet.choice("cfg").state == "not measured"  # type: ignore[union-attr]
    assert sheet.result is None
    files = write_sheet(tmp_path / "sheet", sheet)
    assert "NaN" not in files["data"].read_text(encoding="utf-8")


def test_some_pictures_without_a_score_are_told() -> None:
    rows = study()
    for row in rows[::5]:
        row.scores["unique_colors"] = None
    sheet = make_sheet(rows, SETTINGS)
    assert sheet.choice("cfg").label == "7.5"  # type: ignore[union-attr]
    assert any("have no score" in note for note in sheet.notes)


def test_settings_that_were_never_drawn_together_are_said_to_be_so() -> None:
    rows = study()
    best = make_sheet(rows, SETTINGS).values
    kept = [row for row in rows if any(row.scores[name] != best[name] for name in ("cfg", "negative_prompt"))]
    sheet = make_sheet(kept, SETTINGS)
    if sheet.values == best:
        assert sheet.result is None
        assert any("no such picture was drawn" in note for note in sheet.notes)
    assert sheet.text()


def test_a_setting_that_follows_its_prompts_no_longer_cannot_win() -> None:
    rows = study()
    for row in rows:
        if row.scores["cfg"] == 7.5:
            row.scores["background_match"] = "no"
    assert states(rows)["cfg"][0] != "7.5"


def test_of_several_checkpoints_the_recommended_one_or_the_named_one_is_described() -> None:
    rows = study()
    worse = [Row("other", 3, r.prompt, r.seed, {**r.scores, "unique_colors": 999}) for r in rows]
    base = [Row("base", None, r.prompt, r.seed, dict(r.scores)) for r in rows]
    assert make_sheet([*worse, *rows, *base], SETTINGS).checkpoint == "my_lora"
    assert make_sheet([*worse, *rows, *base], SETTINGS, checkpoint="other").checkpoint == "other"
    with pytest.raises(InputError, match="my_lora"):
        make_sheet(rows, SETTINGS, checkpoint="mine")
    with pytest.raises(InputError, match="base model has no sheet"):
        make_sheet(base, SETTINGS)
    with pytest.raises(InputError, match="unique_colors"):
        make_sheet(rows, SETTINGS, by="unique_colours")


def test_the_plan_of_a_server_tells_its_settings_too() -> None:
    plan = {
        "name": "study",
        "base_checkpoint": "v1-5.safetensors",
        "run_folder": "loras/x",
        "prompts": {"green": "a lad"},
        "sampler": {"steps": [20], "cfg": [7.0, 7.5, 8.0], "strength": [0.8, 1.0]},
    }
    sheet = make_sheet(study(), plan)
    assert sheet.choice("steps").label == "20"  # type: ignore[union-attr]
    assert dict(sheet.drawn.base_files) == {"v1-5.safetensors": ""}


def test_the_words_are_those_of_nearly_every_caption() -> None:
    facts = lora_facts(TRAINED, "SD1.5")
    assert facts.words == "pixel art, portrait"
    assert facts.often == ("red hair",)
    assert (facts.resolution, facts.pictures, facts.base_sha256) == ("512x512", 20, "e9" * 32)
    named = lora_facts({**TRAINED, "modelspec.trigger_phrase": "punkstyle"})
    assert named.words == "punkstyle, pixel art, portrait"


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 3}', '{"a": {"b": "c"}}', "null"])
def test_metadata_of_strangers_counts_as_not_known(text: str) -> None:
    facts = lora_facts(dict.fromkeys(TRAINED, text))
    assert facts.words == ""
    assert facts.phrases is None


@pytest.fixture
def pictures(tmp_path: Path) -> list[ReportPicture]:
    full, sprite = tmp_path / "full.png", tmp_path / "sprite.png"
    Image.new("RGB", (64, 64), (20, 220, 60)).save(full)
    Image.new("RGB", (24, 24), (20, 220, 60)).save(sprite)
    return [ReportPicture(row, full, sprite) for row in study()]


def test_the_files_say_the_same_and_need_no_other(tmp_path: Path, pictures: list[ReportPicture]) -> None:
    rows = [picture.row for picture in pictures]
    sheet = make_sheet(rows, SETTINGS, facts=lambda _: lora_facts(TRAINED), pictures=pictures)
    files = write_sheet(tmp_path / "sheet", sheet)
    assert {path.name for path in (tmp_path / "sheet").iterdir()} == set(FILES.values())
    page = files["html"].read_text(encoding="utf-8")
    sources = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert len(sources) == 2 * len(sheet.examples) == 6
    assert all(source.startswith("data:image/") for source in sources)
    assert 'alert("x")' not in page
    data = json.loads(files["data"].read_text(encoding="utf-8"))
    assert data["use"]["cfg"] == 7.5
    assert data["settings"]["cfg"]["state"] == "decided"
    for text in (page, files["markdown"].read_text(encoding="utf-8")):
        for said in ("7.5", "decided", "pixel art, portrait", "v1-5.safetensors", "nearest"):
            assert said in text
    with Image.open(files["picture"]) as picture:
        assert picture.width == 1600


def test_the_example_of_a_prompt_has_the_middle_score(pictures: list[ReportPicture]) -> None:
    sheet = make_sheet([picture.row for picture in pictures], SETTINGS, pictures=pictures)
    for example in sheet.examples:
        own = [
            one.row.number("unique_colors") or 0
            for one in pictures
            if one.row.prompt == example.row.prompt
            and all(one.row.scores.get(name, value) == value for name, value in sheet.values.items())
        ]
        assert len(own) == 4
        assert min(own) <= (example.row.number("unique_colors") or 0) < max(own)


def test_a_table_alone_has_a_sheet_that_says_what_it_does_not_know() -> None:
    rows = [Row("x", 1, "p", seed, {"unique_colors": 9}) for seed in (1, 2)]
    sheet = make_sheet(rows, {})
    assert sheet.choices == ()
    notes = " ".join(sheet.notes)
    assert "does not say what was drawn with" in notes
    assert "file could not be read" in notes
    assert "base model's name" in notes
    assert sheet_html(sheet) and sheet_markdown(sheet)


def test_another_lora_than_the_measured_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    write_lora(path, 0.3)
    assert isinstance(facts_of_measured(path, ""), LoraFacts)
    with pytest.raises(InputError, match="not the LoRA that was measured"):
        facts_of_measured(path, "ab" * 32)


def test_the_verb_writes_the_sheet_beside_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "table.csv", study())
    assert main(["sheet", str(tmp_path)]) == 0
    assert "guidance (cfg): 7.5 (decided" in capsys.readouterr().out
    assert (tmp_path / "sheet" / "sheet.html").is_file()
    assert main(["sheet", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["use"]["cfg"] == 7.5
    (tmp_path / "sheet" / "mine.txt").write_text("mine", encoding="utf-8")
    assert main(["sheet", str(tmp_path)]) == 2
    assert "mine.txt" in capsys.readouterr().err
