"""The data, the prompts and the page of the experiment with captions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

from captions_with_codes import BEGIN, END, Results, put_into, token_table, training_config
from paired_outcomes import CLEANED, CODES
from style_data import Data, Settings, prepare

from bespoke_core.color.phrases import background_asked
from bespoke_core.portraits.colors import BACKGROUND
from bespoke_core.training.caption import CaptionSettings, process_caption

SETTINGS = Settings(
    pictures=6,
    epochs=1,
    network_dim=4,
    unet_lr=1e-3,
    held_out=3,
    timesteps=(500,),
    prompts=13,
    picture_seeds=1,
    sampler_steps=2,
    cfg=4.0,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return prepare(tmp_path_factory.mktemp("experiment"), SETTINGS)


def test_only_one_of_the_two_training_sets_has_codes(data: Data) -> None:
    texts = {
        arm: [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
        for arm, folder in data.folders.items()
    }
    assert all("#" in text and "palette:" in text for text in texts[CODES])
    assert not any("#" in text or "palette:" in text for text in texts[CLEANED])
    assert len(texts[CODES]) == len(texts[CLEANED]) == 6


def test_both_training_sets_have_the_same_pictures(data: Data) -> None:
    pictures = [
        {path.name: path.read_bytes() for path in folder.glob("*.png")} for folder in data.folders.values()
    ]
    assert len(pictures[0]) == 6
    assert pictures[0] == pictures[1]


def test_prompts_name_each_background_colour_in_turn_and_no_code(data: Data) -> None:
    assert len(data.prompts) == 13
    for number, prompt in enumerate(data.prompts):
        assert prompt.count("background") == 1
        assert f"solid {BACKGROUND[number % 12].words} background" in prompt
        assert background_asked(prompt) is not None
        assert "#" not in prompt


def test_held_out_captions_open_as_the_training_captions_do(data: Data) -> None:
    trained = next(data.folders[CLEANED].glob("*_lad.txt")).read_text(encoding="utf-8")
    opening = trained[: trained.index(" lad")]
    assert data.texts[0].startswith(opening)
    assert data.sprites.shape == (3, 24, 24, 3)
    assert len(data.texts) == 3


def test_the_arms_are_trained_alike_but_for_the_folder(data: Data) -> None:
    configs = [training_config(data, Path("base"), SETTINGS, arm, 3).model_dump() for arm in data.folders]
    differing = {key for key in configs[0] if configs[0][key] != configs[1][key]}
    assert differing == {"train_data_dir", "output_name"}
    assert configs[0]["seed"] == 3


def test_no_caption_is_dropped_by_chance(data: Data) -> None:
    import random

    settings = CaptionSettings.of(training_config(data, Path("base"), SETTINGS, CODES, 1))
    chance = random.Random(0)
    assert all(process_caption("a, b", settings, epoch=1, chance=chance) for _ in range(200))


def test_results_that_are_finished_are_found_again(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add({"arm": CODES, "seed": 2, "held_out_loss": 0.5})
    again = Results(tmp_path / "results.jsonl")
    assert again.rows == [{"arm": CODES, "seed": 2, "held_out_loss": 0.5}]
    assert again.has(CODES, 2)
    assert not again.has(CLEANED, 2)
    assert not again.has(CODES, 1)


def test_the_table_of_tokens_counts_captions_beyond_a_window(data: Data) -> None:
    shown = token_table(data, lambda texts: [80 if "#" in text else 10 for text in texts])
    assert "| with codes | 80 | 80 | 6 of 6 | 0 of 6 |" in shown
    assert "| cleaned | 10 | 10 | 0 of 6 | 0 of 6 |" in shown


def test_the_result_goes_between_the_markers_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n", encoding="utf-8")
    put_into(page, r"new \1")
    assert page.read_text(encoding="utf-8") == f"above\n{BEGIN}\nnew \\1\n{END}\nbelow\n"


def test_a_page_without_markers_is_refused_and_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="no place"):
        put_into(page, "new")
    assert page.read_text(encoding="utf-8") == "mine"


def test_the_page_of_the_documentation_has_its_place(pack: Path) -> None:
    text = (pack / "docs" / "captions-with-codes.md").read_text(encoding="utf-8")
    assert text.index(BEGIN) < text.index(END)
