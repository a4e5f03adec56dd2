"""Pictures that say what they are: the settings in a PNG's metadata, with a digest of the pixels they made.

A picture whose pixels agree with the digest in its own metadata is the one that was drawn with the settings
beside it, wherever the file was carried and whatever became of the records about it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_SETTINGS, _PROOF = "bespoke", "bespoke_proof"


def png_bytes(
    picture: np.ndarray, settings: Mapping[str, Any], made: Mapping[str, Any] | None = None
) -> bytes:
    """Return a PNG with its settings in it.

    Args:
        picture: uint8 RGB (height, width, 3).
        settings: all that is needed to make the picture again, JSON-able.
        made: how it came to be (versions, device, seconds); with it the digest of the pixels is written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt(_SETTINGS, json.dumps(settings, ensure_ascii=False))
    if made is not None:
        proof = {"pixels_sha256": pixel_digest(picture, settings), "made": dict(made)}
        info.add_itxt(_PROOF, json.dumps(proof, ensure_ascii=False))
    target = io.BytesIO()
    Image.fromarray(picture).save(target, format="PNG", pnginfo=info)
    return target.getvalue()


def read_png(path: Path) -> np.ndarray:
    """Return a picture's pixels, uint8 RGB (height, width, 3).

    Raises:
        OSError: it cannot be read.
    """
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def made_of(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how a picture came to be when it is provably the one of these settings, else None.

    The names of prompt and checkpoint may differ: what they stand for may not.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as picture:
            texts = dict(getattr(picture, "text", {}))
            pixels = np.asarray(picture.convert("RGB"))
        written, proof = json.loads(texts[_SETTINGS]), json.loads(texts[_PROOF])
        if _essence(written) != _essence(settings) or proof["pixels_sha256"] != pixel_digest(pixels, written):
            return None
        return dict(proof["made"])
    except (OSError, ValueError, KeyError, TypeError, SyntaxError):  # not a picture of ours
        return None


def pixel_digest(picture: np.ndarray, settings: Mapping[str, Any]) -> str:
    """Return the digest that binds pixels to what they were drawn with."""
    import numpy as np

    essence = json.dumps(_essence(settings), sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(essence.encode("utf-8"))
    digest.update(repr(picture.shape).encode("ascii"))
    digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


_NAMES = ("checkpoint", "epoch", "prompt_name", "run")


def _essence(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _NAMES}
