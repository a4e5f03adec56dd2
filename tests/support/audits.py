"""Small data sets with their audits, for the tests of what is reported."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from bespoke_core.captions.audit import Audit, audit_dataset
from bespoke_core.captions.dataset import read_dataset

CLEAN = "pixel art, brown hair, green eyes, tan skin, blue shirt, red background"
MESSY = (
    "pixel art, hair (#20c040), brown eyes (#5a3220), skin (#5a3220), solid background (#20c040), "
    "palette: #20c040, #5a3220, #112233, sharp pixel edges, retro pixel art style"
)
HOSTILE = (
    '</script><script>document.title="owned"</script>',
    '<img src=x onerror="document.title=1">',
    '"><svg/onload=document.title=1>',
    "' onmouseover='document.title=1",
    "{{ 7 * 7 }} {% raw %}",
    "](javascript:alert(1)) `code` | pipe",
)


def portrait(background: tuple[int, int, int] = (0x20, 0xC0, 0x40), figure=(0x5A, 0x32, 0x20)) -> Image.Image:
    """A figure of one colour on a background of another, 24 x 24 pixels."""
    picture = Image.new("RGB", (24, 24), background)
    picture.paste(figure, (7, 6, 17, 24))
    return picture


def write_set(folder: Path, texts: dict[str, str], *, pictures: bool = True) -> Path:
    """Write captions, each with a picture of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, text) in enumerate(texts.items()):
        (folder / name).write_bytes(text.encode("utf-8"))
        if pictures:
            portrait(figure=(0x5A, 0x32, 0x20 + number)).save(folder / Path(name).with_suffix(".png").name)
    return folder


def audit_of(folder: Path, texts: dict[str, str], *, pictures: bool = True, **options) -> Audit:
    """Audit such a set."""
    return audit_dataset(
        read_dataset(write_set(folder, texts, pictures=pictures), skip_unreadable=True), **options
    )
