from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.training import config
from bespoke_core.training.buckets import bucket_sizes, fit_picture


def make(**keys: object) -> config.TrainingConfig:
    return config.from_values({"resolution": 512, "enable_bucket": True, **keys})


def test_buckets_have_at_most_the_resolutions_area_and_both_orientations() -> None:
    sizes = bucket_sizes((512, 512), 256, 1024, 64)
    assert (512, 512) in sizes
    assert (256, 1024) in sizes and (1024, 256) in sizes
    assert all(w * h <= 512 * 512 and w % 64 == h % 64 == 0 for w, h in sizes)
    assert {(h, w) for w, h in sizes} == set(sizes)


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((512, 512), (512, 512)),
        ((600, 600), (512, 512)),
        ((1000, 500), (704, 320)),
        ((500, 1000), (320, 704)),
    ],
)
def test_a_picture_goes_to_the_bucket_of_the_nearest_shape(size: tuple, bucket: tuple) -> None:
    assert fit_picture(size, make()).bucket == bucket


def test_without_enlarging_a_small_picture_keeps_its_size_cut_to_steps() -> None:
    found = fit_picture((300, 420), make(bucket_no_upscale=True))
    assert found.resized == (300, 420)
    assert found.bucket == (256, 384)


def test_without_enlarging_a_large_picture_shrinks_to_the_area() -> None:
    found = fit_picture((2000, 1000), make(bucket_no_upscale=True))
    assert found.bucket[0] * found.bucket[1] <= 512 * 512
    assert found.resized[0] / found.resized[1] == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("no_upscale", [True, False])
def test_a_sprite_is_enlarged_by_a_whole_factor(no_upscale: bool) -> None:
    found = fit_picture((24, 24), make(bucket_no_upscale=no_upscale))
    assert found.resized == (528, 528)
    assert found.bucket == (512, 512)


def test_a_whole_factor_that_would_cut_off_art_is_not_used() -> None:
    keys = {"resolution": 64, "min_bucket_reso": 64}
    assert fit_picture((48, 48), make(**keys)).resized == (64, 64)
    assert fit_picture((32, 32), make(**keys)).resized == (64, 64)


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.booleans(),
    st.booleans(),
)
def test_every_picture_of_any_size_covers_a_bucket_that_the_model_can_take(
    size: tuple[int, int], bucket: bool, no_upscale: bool
) -> None:
    found = fit_picture(size, make(enable_bucket=bucket, bucket_no_upscale=no_upscale))
    assert found.resized[0] >= found.bucket[0] > 0
    assert found.resized[1] >= found.bucket[1] > 0
    assert found.bucket[0] % 8 == found.bucket[1] % 8 == 0


def test_ends_that_the_step_does_not_divide_are_widened_as_kohya_does() -> None:
    assert bucket_sizes((512, 512), 300, 1000, 64) == bucket_sizes((512, 512), 256, 1024, 64)
    sizes = bucket_sizes((500, 500), 256, 1024, 64)
    assert (448, 448) in sizes and (256, 960) in sizes


def test_a_filter_that_blends_scales_to_the_pixel() -> None:
    assert fit_picture((24, 24), make(resize_interpolation="lanczos")).resized == (512, 512)
    assert fit_picture((24, 24), make(resize_interpolation="nearest")).resized == (528, 528)
