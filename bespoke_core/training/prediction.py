"""Whether a base model predicts noise or velocity, as its file says, held against v_parameterization."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..weights_file import WeightsHeader, read_header
from .config import TrainingConfig
from .layout import GET_BASE

_IN_METADATA = ("modelspec.prediction_type", "prediction_type")
_KEYS = ("v_pred", "ztsnr")
"""Empty tensors by which such checkpoints are marked: velocity, and a last time step of pure noise."""
_VELOCITY, _NOISE = {"v", "vpred", "vprediction", "velocity"}, {"epsilon", "eps", "noise"}


def check_prediction(config: TrainingConfig, base: Path) -> list[str]:
    """Refuse to train a base that predicts velocity as if it predicted noise; return what else to say.

    The other way round is a note: such a base can be taught to predict velocity.

    Raises:
        InputError: see above, or the file cannot be read.
    """
    header = read_header(base, remedy=GET_BASE)
    found = _marked(header)
    if found is None:
        return []
    kind, mark = found
    if kind == "velocity" and not config.v_parameterization:
        raise InputError(
            f"is false, and {base.name} predicts velocity ({mark}): with noise as the target the LoRA "
            "would learn nothing of use",
            field="v_parameterization",
            value=False,
            remedy="Set v_parameterization = true, or choose another base model.",
        )
    said = []
    if kind == "noise" and config.v_parameterization:
        said.append(
            f"v_parameterization = true, but {base.name} predicts noise ({mark}): leave it out unless the "
            "LoRA is to turn the base into one that predicts velocity."
        )
    if "ztsnr" in header.shapes and config.v_parameterization and not config.zero_terminal_snr:
        said.append(f"{base.name} was trained with a last step of pure noise: set zero_terminal_snr = true.")
    return said


def _marked(header: WeightsHeader) -> tuple[str, str] | None:
    """Return "velocity" or "noise" and the mark that says so; None where nothing, or nothing known, does."""
    for key in _KEYS:
        if key in header.shapes:
            return "velocity", f"it holds the mark {key}"
    for key in _IN_METADATA:
        word = header.metadata.get(key, "").strip()
        plain = word.lower().replace("-", "").replace("_", "")
        for kind, words in (("velocity", _VELOCITY), ("noise", _NOISE)):
            if plain in words:
                return kind, f"{key} is {word}"
    return None
