"""What a LoRA file says of itself: what it was trained on, its words, its size.

The metadata is what kohya's trainer writes (``ss_*``) and the model specification (``modelspec.*``); files of
strangers hold anything, so whatever is not of that form counts as not known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from .checkpoints import Checkpoint, inspect_lora
from .choosing import HASH_KEY
from .hashes import content_hash, require_unchanged

TRIGGER_SHARE = 0.8
"""A phrase in at least this share of the captions is bound to everything that was trained."""
_MOST_TRIGGERS, _MOST_OTHERS = 12, 8


@dataclass(frozen=True)
class LoraFacts:
    """What a LoRA file says of itself; empty, 0 or None where it says nothing.

    Attributes:
        base_name: file name of the model that it was trained on.
        base_sha256: of that file.
        architecture: ``SD1.5`` or the like.
        network_dim: its rank.
        network_alpha: its alpha.
        resolution: of the training pictures, such as ``512x512``.
        pictures: in the training set, without repeats.
        trigger: the phrase that its maker names.
        always: phrases in at least 80 % of the captions, the commonest first.
        often: the next commonest phrases.
        phrases: of a caption, in the mean; None where not known.
        author: as its maker writes it.
        license: likewise.
        usage_hint: likewise.
    """

    base_name: str = ""
    base_sha256: str = ""
    architecture: str = ""
    network_dim: str = ""
    network_alpha: str = ""
    resolution: str = ""
    pictures: int = 0
    trigger: str = ""
    always: tuple[str, ...] = ()
    often: tuple[str, ...] = ()
    phrases: float | None = None
    author: str = ""
    license: str = ""
    usage_hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "always": list(self.always), "often": list(self.often)}

    @property
    def words(self) -> str:
        """What a prompt should hold, with commas between; empty where it is not known."""
        known = [phrase for phrase in self.always if phrase not in self.trigger.casefold()]
        return ", ".join([self.trigger, *known] if self.trigger else known)


def read_lora_facts(path: Path) -> LoraFacts:
    """Read what a LoRA file says of itself.

    Raises:
        InputError: the file is absent, damaged or no LoRA.
    """
    header = inspect_lora(path)
    return lora_facts(header.metadata, header.architecture)


def facts_of(checkpoint: Checkpoint) -> LoraFacts | None:
    """Return what a swept checkpoint says of itself; None where its file is gone or is another one by now."""
    try:
        require_unchanged(checkpoint.path, checkpoint.sha256)
        return read_lora_facts(checkpoint.path)
    except InputError:
        return None


def facts_of_measured(path: Path, sha256: str) -> LoraFacts:
    """Return what a file says of itself that is the measured checkpoint, or its copy as the chosen one.

    Raises:
        InputError: the file is absent, damaged, or another LoRA than the one that was measured.
    """
    header = inspect_lora(path)
    if sha256 and sha256 not in (content_hash(path), header.metadata.get(HASH_KEY)):
        raise InputError(
            "is not the LoRA that was measured",
            file=path,
            field="lora",
            remedy=f"Give the file of SHA-256 {sha256}, or the copy that was kept as the chosen one.",
        )
    return lora_facts(header.metadata, header.architecture)


def lora_facts(metadata: Mapping[str, str], architecture: str = "") -> LoraFacts:
    """Return what a LoRA's metadata tells.

    Args:
        metadata: the file's own strings.
        architecture: as its weights tell.
    """
    counts, captions = _phrases(_table(metadata, "ss_tag_frequency")), _captions(metadata)
    commonest = sorted(counts, key=lambda phrase: -counts[phrase])  # stable: equal ones as they came
    always = [phrase for phrase in commonest if captions and counts[phrase] >= TRIGGER_SHARE * captions]
    often = [phrase for phrase in commonest if phrase not in always and counts[phrase] > 1]
    return LoraFacts(
        base_name=_said(metadata, "ss_sd_model_name"),
        base_sha256=_said(metadata, "ss_new_sd_model_hash").lower(),
        architecture="" if architecture == "unknown" else architecture,
        network_dim=_said(metadata, "ss_network_dim"),
        network_alpha=_said(metadata, "ss_network_alpha"),
        resolution=_resolution(metadata),
        pictures=captions,
        trigger=_said(metadata, "modelspec.trigger_phrase"),
        always=tuple(always[:_MOST_TRIGGERS]),
        often=tuple(often[:_MOST_OTHERS]),
        phrases=sum(counts.values()) / captions if captions and counts else None,
        author=_said(metadata, "modelspec.author"),
        license=_said(metadata, "modelspec.license"),
        usage_hint=_said(metadata, "modelspec.usage_hint"),
    )


def _said(metadata: Mapping[str, str], key: str) -> str:
    """Return a plain value; the trainers write None as a word."""
    value = " ".join(str(metadata.get(key, "")).split())[:300]
    return "" if value in ("None", "NOFILE") else value


def _resolution(metadata: Mapping[str, str]) -> str:
    words = _said(metadata, "ss_resolution").strip("()").replace(",", " ").split()
    return "x".join(words) if words and all(word.isdigit() for word in words) else ""


def _table(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        found = json.loads(metadata.get(key, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _phrases(folders: Mapping[str, Any]) -> Counter[str]:
    """Return in how many captions each phrase stands, over all folders of the training set."""
    counts: Counter[str] = Counter()
    for phrases in folders.values():
        for phrase, count in phrases.items() if isinstance(phrases, dict) else ():
            if isinstance(count, int) and count > 0 and str(phrase).strip():
                counts[" ".join(str(phrase).split())] += count
    return counts


def _captions(metadata: Mapping[str, str]) -> int:
    folders = _table(metadata, "ss_dataset_dirs").values()
    found = [one.get("img_count") for one in folders if isinstance(one, dict)]
    return sum(count for count in found if isinstance(count, int) and count > 0)
