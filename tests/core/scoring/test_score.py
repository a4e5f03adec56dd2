"""What is measured on pictures, and that flat or wrong pictures do not pass."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.color.codes import parse_hex
from bespoke_core.color.phrases import background_asked
from bespoke_core.errors import InputError
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.portraits.styles import DUSK, PLAIN, Style
from bespoke_core.scoring.background import match_background
from bespoke_core.scoring.grid_fidelity import GridScores, grid_scores
from bespoke_core.scoring.perceptual import perceptual_colors
from bespoke_core.scoring.reference import measure_reference, read_reference
from bespoke_core.scoring.score import Scores, prompts_for, score_pictures, scores_csv
from bespoke_core.sprites.background import find_background
from bespoke_core.sprites.view import enlarge

GREEN, BROWN, PINK = parse_hex("#03dc73"), parse_hex("#8f5e3d"), parse_hex("#ed3893")


def portrait(background, *, noise: int = 0, seed: int = 0, figure=(240, 200, 170)) -> np.ndarray:
    """A 24 x 24 sprite: a head and shoulders before a background, a colour or a (24, 24, 3) pattern."""
    sprite = np.zeros((24, 24, 3), dtype=np.int64) + np.array(background)
    sprite[6:18, 8:16] = figure
    sprite[18:, 4:20] = (40, 40, 90)
    sprite += np.random.default_rng(seed).integers(-noise, noise + 1, sprite.shape)
    return sprite.clip(0, 255).astype(np.uint8)


def answer(sprite: np.ndarray, prompt: str) -> str:
    return match_background(find_background(sprite), background_asked(prompt)).verdict


def pattern(kind: str, one, two) -> np.ndarray:
    y, x = np.mgrid[:24, :24]
    share = {"split": x >= 12, "checkered": (x + y) % 2, "gradient": y / 23}[kind][..., None].astype(float)
    return (np.array(one) * (1 - share) + np.array(two) * share).round().astype(int)


@pytest.mark.parametrize("noise", [0, 4, 8])
def test_a_green_background_is_green_and_a_brown_one_is_not(noise: int) -> None:
    for seed in range(5):
        prompt = "pixel art, lady, bright green background, red hair"
        assert answer(portrait(GREEN, noise=noise, seed=seed), prompt) == "yes"
        assert answer(portrait(BROWN, noise=noise, seed=seed), prompt) == "no"
        assert answer(portrait(PINK, noise=noise, seed=seed), prompt) == "no"


def test_a_figure_of_the_right_colour_does_not_save_a_wrong_background() -> None:
    assert answer(portrait(BROWN, figure=GREEN), "bright green background") == "no"


def test_half_right_is_unclear() -> None:
    assert answer(portrait(pattern("split", GREEN, PINK)), "bright green background") == "unclear"


@pytest.mark.parametrize("kind", ["split", "checkered"])
def test_two_colours_are_both_wanted_when_both_are_asked_for(kind: str) -> None:
    prompt = f"green and pink {kind} background"
    assert answer(portrait(pattern(kind, GREEN, PINK)), prompt) == "yes"
    assert answer(portrait(GREEN), prompt) == "unclear"
    assert answer(portrait(pattern(kind, (250, 220, 0), (20, 40, 200))), prompt) == "no"


def test_a_gradient_of_one_colour_is_that_colour() -> None:
    light, deep = parse_hex("#3ffe9e"), parse_hex("#00b850")
    assert answer(portrait(pattern("gradient", light, deep)), "green gradient background") == "yes"


def test_a_border_of_pure_noise_is_unclear() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    assert answer(noise, "bright green background") == "unclear"


def test_the_region_is_the_background_and_not_the_figure() -> None:
    found = find_background(portrait(GREEN, figure=GREEN))
    assert found.region[0, 0] and not found.region[20, 10]
    enclosed = portrait(GREEN)
    enclosed[10:12, 10:12] = GREEN  # of the same colour, but not connected with the border
    assert not find_background(enclosed).region[10, 10]


def test_only_the_two_last_of_the_ten_real_pictures_are_green(shared_data) -> None:
    paths = sorted((shared_data / "lora-outputs").glob("*.png"))
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    scores = score_pictures(images, prompts=["bright green background"] * len(images))
    assert [s.background_match for s in scores] == ["no"] * 8 + ["yes"] * 2
    assert [s.unique_colors for s in scores] == [435, 424, 306, 313, 344, 391, 333, 373, 440, 502]
    assert scores[0].grid_fidelity < 3 < min(s.grid_fidelity for s in scores[1:])
    assert all(s.perceptual_colors < s.unique_colors / 3 for s in scores)


@pytest.mark.parametrize("noise", [0, 6])
def test_generated_portraits_are_judged_right_under_noise(noise: int) -> None:
    """Plain, split, checkered and gradient backgrounds, each asked for in its own words."""
    rng = np.random.default_rng(0)
    portraits = draw_portraits(300, 5)
    words = {p.feature("background").words for p in portraits if p.background == "solid"}
    right = green_for_brown = 0
    for portrait in portraits:
        pixels = (portrait.pixels.astype(int) + rng.integers(-noise, noise + 1, portrait.pixels.shape)).clip(
            0, 255
        )
        asked = portrait.feature("background").words
        right += answer(pixels.astype(np.uint8), asked) == "yes"
        brown = any(word in asked for word in ("brown", "red", "orange", "pink", "grey"))
        if portrait.background == "solid" and brown:
            green_for_brown += answer(pixels.astype(np.uint8), "bright green background") == "yes"
    assert len(words) > 8
    assert {portrait.background for portrait in portraits} == {"solid", "split", "checkered", "gradient"}
    assert right / len(portraits) >= 0.97
    assert green_for_brown == 0


def test_a_gradient_between_two_colours_is_judged_by_its_ends() -> None:
    sunset = portrait(pattern("gradient", (250, 210, 90), (150, 60, 170)))
    assert answer(sunset, "yellow to purple gradient background") == "yes"
    assert answer(sunset, "green to teal gradient background") == "no"
    assert answer(sunset, "yellow to green gradient background") == "unclear"
    assert answer(sunset, "bright green background") != "yes"


def test_real_captions_are_hardly_ever_contradicted_by_their_pictures(shared_data) -> None:
    folder = shared_data / "bespoke-punks"
    answers = []
    for path in sorted((folder / "captions_cleaned_2025").glob("*.txt"))[::4]:
        picture = folder / "images_512" / f"{path.stem}.png"
        if picture.exists():
            sprite = np.asarray(Image.open(picture).convert("RGB").resize((24, 24), Image.Resampling.NEAREST))
            answers.append(answer(sprite, path.read_text(encoding="utf-8", errors="replace")))
    assert answers.count("yes") >= 15 and answers.count("no") <= 2


@given(st.integers(0, 200))
@settings(deadline=None, max_examples=25)
def test_perceptual_counts_do_not_hang_on_the_pixels_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    shuffled = rng.permutation(image.reshape(-1, 3)).reshape(8, 8, 3)
    first, second = perceptual_colors(np.stack([image, shuffled]))
    assert first == second <= len(np.unique(image.reshape(-1, 3), axis=0))


def test_colours_that_look_the_same_count_once() -> None:
    image = np.array([[[180, 58, 75], [180, 58, 76], [0, 0, 0]]], dtype=np.uint8)
    assert perceptual_colors(image[None]).tolist() == [2]
    assert perceptual_colors(image[None, :, :1]).tolist() == [1]


def test_a_batch_equals_its_pictures_one_by_one() -> None:
    images = enlarge(np.stack([portrait(GREEN, noise=6, seed=s) for s in range(4)]), 8)
    prompts = ["green background", "", "brown background", "hair"]
    batch = score_pictures(images, prompts=prompts)
    assert batch == [score_pictures(i[None], prompts=[p])[0] for i, p in zip(images, prompts, strict=True)]
    assert [s.background_match for s in batch] == ["yes", "not asked", "no", "not asked"]


def test_what_is_not_measured_is_not_zero() -> None:
    score = score_pictures(portrait(GREEN)[None])[0]
    assert score.background_match == "not measured" and score.background_distance is None
    assert score.grid_fidelity is None and score.excess_colors is None
    assert json.loads(json.dumps(score.to_dict()))["variance_between"] is None
    assert (
        scores_csv([score])
        .splitlines()[1]
        .startswith("1,3,3,not measured,,#03dc73,not measured,not measured,,")
    )
    assert scores_csv([score]).splitlines()[0].split(",")[1:] == list(Scores.__dataclass_fields__)


def test_the_grid_tells_pixel_art_from_a_smooth_picture() -> None:
    sprite = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    crisp = enlarge(sprite, 20)
    smooth = np.asarray(Image.fromarray(sprite).resize((480, 480), Image.Resampling.BICUBIC))
    clear, blurred = grid_scores(crisp, (24, 24)), grid_scores(smooth, (24, 24))
    assert clear.fidelity > 2 * blurred.fidelity
    assert clear.variance_between == pytest.approx(1, abs=1e-6)
    assert blurred.variance_between < 0.95
    assert grid_scores(np.zeros((480, 480, 3), np.uint8), (24, 24)) == GridScores(None, None)
    assert grid_scores(sprite, (24, 24)) == GridScores(None, None)


def test_a_training_set_tells_too_many_colours_from_too_few() -> None:
    sprites = np.stack([portrait(GREEN, seed=s, noise=1 + s % 3) for s in range(10)])
    reference = measure_reference(sprites)
    low, high = reference.band
    assert reference.excess_colors(int((low + high) / 2)) == 0
    assert reference.excess_colors(int(high) + 10) == pytest.approx(int(high) + 10 - high)
    assert reference.excess_colors(1) == pytest.approx(1 - low)
    assert reference.palette_distance(sprites[0]) < reference.palette_distance(portrait(PINK))
    assert json.dumps(reference.to_dict())


def test_the_edge_distance_knows_a_style_whatever_the_background() -> None:
    def sprites(seed: int, style: Style) -> np.ndarray:
        return np.stack([one.pixels for one in draw_portraits(12, seed, style=style)])

    reference = measure_reference(sprites(0, DUSK))
    same = [reference.edge_distance(sprite) for sprite in sprites(9, DUSK)]
    other = [reference.edge_distance(sprite) for sprite in sprites(9, PLAIN)]
    assert max(same) < min(other)
    chance = np.random.default_rng(0)
    for sprite, distance in zip(sprites(9, DUSK), same, strict=True):
        noisy = np.clip(sprite + chance.normal(0, 20, sprite.shape), 0, 255).astype(np.uint8)
        assert reference.edge_distance(noisy) > distance


def test_a_picture_without_an_edge_has_no_edge_distance() -> None:
    flat = np.full((24, 24, 3), 90, np.uint8)
    reference = measure_reference(np.stack([one.pixels for one in draw_portraits(4, 0)]))
    assert reference.edge_distance(flat) is None
    assert measure_reference(flat[None]).edge_distance(draw_portraits(1, 0)[0].pixels) is None


def test_the_real_training_set_has_its_known_figures(shared_data) -> None:
    reference = read_reference(shared_data / "bespoke-punks" / "images_24")
    assert float(np.median(reference.unique)) == 23
    assert reference.band == pytest.approx((13, 50), abs=1)


def test_prompts_spread_over_pictures() -> None:
    assert prompts_for(" \n", 2) is None
    assert prompts_for("green", 2) == ["green", "green"]
    assert prompts_for("a\n\nb\n", 2) == ["a", "b"]
    with pytest.raises(InputError, match="3 lines for 2"):
        prompts_for("a\nb\nc", 2)
    with pytest.raises(InputError, match="1 prompt for 2 pictures"):
        score_pictures(np.stack([portrait(GREEN)] * 2), prompts=["a"])


@pytest.mark.parametrize(
    ("picture", "size"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((30, 25), (24, 24)), ((64, 40), (3, 50))]
)
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.filterwarnings("error")
def test_pictures_of_odd_sizes_are_scored_without_a_warning(picture, size, flat: bool) -> None:
    image = np.random.default_rng(0).integers(0, 1 if flat else 256, (*picture, 3)).astype(np.uint8)
    score = score_pictures(image[None], size=size, prompts=["bright green background"])[0]
    assert score.background_match in ("no", "unclear")
    assert 1 <= score.perceptual_colors <= score.unique_colors <= size[0] * size[1]
    json.dumps(score.to_dict(), allow_nan=False)
