"""Odd pictures and captions as people have them: trained on as they are shown, or told in one sentence."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.training.caption import shown_captions
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.dataset import Picture
from bespoke_core.training.pictures import inspect_picture, read_picture
from bespoke_core.training.reading import read_set

Make = Callable[..., TrainingConfig]
Trained = Callable[..., Picture]
RED, GREEN = (200, 30, 40), (10, 180, 20)


def halves(mode: str = "RGB") -> Image.Image:
    """A red and a green half of 12x24 each."""
    picture = Image.new("RGB", (24, 24), RED)
    picture.paste(GREEN, (12, 0, 24, 24))
    return picture.convert(mode)


def deep_png(channels: int) -> bytes:
    """A PNG of 16 bits a channel, (0x8000, ...) everywhere, the last channel opaque where there is alpha."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    pixel = [0x8000] * channels
    if channels in (2, 4):
        pixel[-1] = 0xFFFF
    rows = (b"\0" + struct.pack(f">{channels}H", *pixel) * 24) * 24
    header = struct.pack(">IIBBBBB", 24, 24, 16, kind, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


@pytest.fixture
def train_on(make_config: Make, tmp_path: Path) -> Trained:
    """Write one picture and its caption into a folder of their own, and read it as training does."""

    def read(
        name: str,
        picture: Image.Image | bytes,
        caption: str | bytes = "red",
        *,
        save: Any = None,
        **keys: Any,
    ) -> Picture:
        folder = tmp_path / "odd"
        folder.mkdir()
        if isinstance(picture, bytes):
            (folder / name).write_bytes(picture)
        else:
            picture.save(folder / name, **(save or {}))
        text = caption if isinstance(caption, bytes) else caption.encode("utf-8")
        (folder / name).with_suffix(".txt").write_bytes(text)
        [found] = read_set(make_config(train_data_dir=str(folder), **keys)).pictures
        return found

    return read


def corners(picture: Picture) -> list[tuple[int, int, int]]:
    """The left top and the right bottom pixel as training sees them."""
    shown = np.asarray(read_picture(picture.path, "#ffffff", sha256=picture.sha256))
    return [tuple(map(int, shown[0, 0])), tuple(map(int, shown[-1, -1]))]


@pytest.mark.parametrize(
    ("mode", "name"), [("RGB", "a.png"), ("P", "a.png"), ("RGB", "A.PNG"), ("RGB", "a b'\"ü\U0001f9dd\n.png")]
)
def test_a_picture_is_trained_on_as_it_is_shown(train_on: Trained, mode: str, name: str) -> None:
    found = corners(train_on(name, halves(mode), save={"format": "PNG"}))
    assert np.abs(np.subtract(found, [RED, GREEN])).max() <= 52  # a palette of fixed colours is coarse


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "LA", "RGB"])
def test_grey_and_printers_colours_become_rgb(train_on: Trained, mode: str) -> None:
    name = "a.jpg" if mode in ("CMYK", "RGB") else "a.png"
    found = corners(train_on(name, halves(mode), save={"quality": 95} if name == "a.jpg" else None))
    told = [tuple(halves(mode).convert("RGB").getpixel(place)) for place in ((0, 0), (23, 23))]
    assert np.abs(np.subtract(found, told)).max() <= 8


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_scaled_and_not_cut_off(train_on: Trained, channels: int) -> None:
    assert corners(train_on("a.png", deep_png(channels))) == [(128, 128, 128)] * 2


def test_a_palettes_transparent_colour_shows_the_background(train_on: Trained) -> None:
    palette = halves("RGB").quantize(2)
    first = palette.getpixel((0, 0))
    found = train_on("a.png", palette, save={"transparency": first})
    assert corners(found) == [(255, 255, 255), GREEN]


def test_a_photograph_is_turned_as_its_camera_says(train_on: Trained) -> None:
    exif = Image.Exif()
    exif[0x112] = 6  # turn by a quarter to the right
    found = train_on("a.jpg", halves().crop((0, 0, 24, 12)), save={"exif": exif, "quality": 95})
    assert found.size == (12, 24)


@pytest.mark.parametrize(("name", "form"), [("a.png", "PNG"), ("a.webp", "WEBP"), ("a.png", "GIF")])
def test_of_a_moving_picture_the_first_frame_counts(train_on: Trained, name: str, form: str) -> None:
    frames = [Image.new("RGB", (24, 24), RED), Image.new("RGB", (24, 24), GREEN)]
    found = train_on(name, frames[0], save={"format": form, "save_all": True, "append_images": frames[1:]})
    assert np.abs(np.subtract(corners(found), [RED, RED])).max() <= 8


@pytest.mark.parametrize("size", [(1, 1), (24, 24), (24, 23), (48, 12)])
@pytest.mark.parametrize("no_upscale", [True, False])
def test_a_picture_of_any_small_size_fills_its_bucket(
    train_on: Trained, size: tuple[int, int], no_upscale: bool
) -> None:
    found = train_on("a.png", halves().resize(size), enable_bucket=True, bucket_no_upscale=no_upscale)
    assert all(have >= need for have, need in zip(found.fit.resized, found.fit.bucket, strict=True))
    assert min(found.fit.bucket) >= 64


@pytest.mark.parametrize("size", [(5000, 3), (3, 5000), (1, 5000)])
def test_a_strip_of_which_nothing_would_be_left_is_refused(train_on: Trained, size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"a.png: is {size[0]}x{size[1]}: .* cropped away"):
        train_on("a.png", Image.new("RGB", size, RED), enable_bucket=True)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<!DOCTYPE html><html>", b"\x89PNG\r\n\x1a\n", deep_png(3)[:60]]
)
def test_what_is_no_picture_is_named_with_what_to_do(train_on: Trained, data: bytes) -> None:
    with pytest.raises(InputError, match=r"a\.png: is not a readable picture .* Save it again as PNG"):
        train_on("a.png", data)


@pytest.mark.parametrize("form", ["EPS", "PDF", "ICO", "DDS", "TGA"])
def test_a_file_of_a_seldom_format_under_a_pictures_name_is_not_opened(train_on: Trained, form: str) -> None:
    with pytest.raises(InputError, match="no known format"):
        train_on("a.png", halves(), save={"format": form})


def whole_pictures() -> list[bytes]:
    made = []
    for form in ("PNG", "JPEG", "WEBP", "BMP", "GIF"):
        data = io.BytesIO()
        more = {"save_all": True, "append_images": [halves("L")]} if form in ("GIF", "WEBP", "PNG") else {}
        halves().save(data, form, **more)
        made.append(data.getvalue())
    return made


@given(
    st.sampled_from(whole_pictures()), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=6)
)
def test_damaged_bytes_are_a_picture_or_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, wrong: list[tuple[int, int]]
) -> None:
    path, damaged = tmp_path_factory.getbasetemp() / "damaged.png", bytearray(data)
    for place, byte in wrong:
        damaged[place % min(len(data), 400)] = byte
    path.write_bytes(damaged[: len(data) - len(wrong) // 3])
    try:
        inspect_picture(path)
    except InputError as error:
        assert error.file == str(path)


def test_a_cut_off_jpeg_is_refused(train_on: Trained) -> None:
    data = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(data, "JPEG")
    with pytest.raises(InputError, match="truncated"):
        train_on("a.jpg", data.getvalue()[:-600])


def test_hidden_files_and_a_servers_own_are_no_data(make_config: Make, dataset: Path) -> None:
    for name in ("._punk0.png", "._punk0.txt", ".DS_Store", "Thumbs.db", "desktop.ini", "punk0.npz"):
        (dataset / name).write_bytes(b"x")
    (dataset / "loop.png").symlink_to(dataset / "loop.png")
    assert len(read_set(make_config()).pictures) == 6


def test_hidden_files_do_not_make_a_folder_of_folders_one_of_pictures(
    make_config: Make, dataset: Path
) -> None:
    (dataset.rename(dataset.parent / "10_punks").parent / "data").mkdir()
    root = (dataset.parent / "10_punks").rename(dataset.parent / "data" / "10_punks").parent
    (root / "._punk0.png").write_bytes(b"x")
    assert read_set(make_config(train_data_dir=str(root))).pictures[0].repeats == 10


def test_pictures_in_a_folder_below_are_said_to_be_left_out(make_config: Make, dataset: Path) -> None:
    (dataset / "more").mkdir()
    halves().save(dataset / "more" / "a.png")
    (dataset / "texts").mkdir()
    (dataset / ".thumbnails").mkdir()
    halves().save(dataset / ".thumbnails" / "a.png")
    said = [notice for notice in read_set(make_config()).notices if "left out" in notice]
    assert said == ["left out, because they are folders in punks: more"]


def test_one_stem_with_two_pictures_is_refused(make_config: Make, dataset: Path) -> None:
    halves().save(dataset / "punk0.jpg")
    with pytest.raises(InputError, match=r"several pictures \(punk0.jpg, punk0.png\)"):
        read_set(make_config())


def shown(picture: Picture) -> str:
    return shown_captions([picture], seed=1, epoch=1, number=0, step=0, steps=1)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xef\xbb\xbfred hair, hat", "red hair, hat"),
        ("red hair, hat\r\nsecond line\r\n", "red hair, hat"),
        ("red hair, hat\rsecond line", "red hair, hat"),
        ("  red hair, hat \n\n", "red hair, hat"),
        ("<lora:punk:0.8>, (red hair:1.2), [hat], {eyes}", "<lora:punk:0.8>, (red hair:1.2), [hat], {eyes}"),
        ("rouge \\(long\\), 红发, \U0001f9dd", "rouge \\(long\\), 红发, \U0001f9dd"),
        ("<|startoftext|> red, <|endoftext|> hair", "<|startoftext|> red, <|endoftext|> hair"),
    ],
)
def test_what_a_caption_says_is_kept_to_the_letter(
    train_on: Trained, text: str | bytes, expected: str
) -> None:
    found = train_on("a.png", halves(), text, shuffle_caption=False, caption_dropout_rate=0.0)
    assert shown(found) == expected


def test_brackets_and_weights_survive_shuffling_as_they_are(train_on: Trained) -> None:
    text = "(red hair:1.2), ((hat)), [x], {y|z}"
    found = train_on("a.png", halves(), text, keep_tokens=2, caption_dropout_rate=0.0)
    assert shown(found).startswith("(red hair:1.2), ((hat)), ")
    assert sorted(shown(found).split(", ")) == sorted(text.split(", "))


def test_more_tokens_to_keep_than_there_are_keeps_all(train_on: Trained) -> None:
    found = train_on("a.png", halves(), "c, b, a", keep_tokens=1000, caption_dropout_rate=0.0)
    assert shown(found) == "c, b, a"


def test_ten_thousand_tags_are_shuffled_and_cut_to_the_models_length(
    train_on: Trained, tokenizer_folder: Path
) -> None:
    from bespoke_core.tokenizer import load_tokenizer
    from bespoke_core.training.text import token_windows

    tags = [f"tag{number}" for number in range(10_000)]
    random.Random(0).shuffle(tags)
    found = train_on("a.png", halves(), ", ".join(tags), keep_tokens=1, caption_dropout_rate=0.0)
    assert sorted(shown(found).split(", ")) == sorted(tags)
    assert shown(found).startswith(f"{tags[0]}, ")
    assert token_windows(load_tokenizer(tokenizer_folder), [shown(found)], 225).shape == (1, 3, 77)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (" \t\n", "is empty"),
        ("\nred hair", "first line is empty"),
        (",, ,", "says nothing"),
        ("red hair".encode("utf-16"), "as UTF-16 it reads"),
        ("café".encode("latin-1"), r"byte 3 \(0xe9\); as Windows-1252 it reads"),
        (b"red\0hair", "binary"),
    ],
)
def test_a_caption_that_cannot_be_read_is_told_by_its_file(
    train_on: Trained, text: str | bytes, says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        train_on("a.png", halves(), text)
    assert str(caught.value.file).endswith("a.txt")


def test_a_folder_for_regularisation_alone_leaves_nothing_to_learn(make_config: Make, dataset: Path) -> None:
    path = dataset.parent / "data.toml"
    path.write_text('[[datasets]]\n[[datasets.subsets]]\nimage_dir = "punks"\nis_reg = true\n')
    with pytest.raises(InputError, match="leave is_reg out"):
        read_set(make_config(dataset_config=str(path)))
