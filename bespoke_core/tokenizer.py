"""CLIP's tokenizer from local files: finding it, loading it for a text encoder, and counting tokens fast.

Nothing is ever downloaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import InputError

_FILES = ("vocab.json", "merges.txt")
_NAME = "openai/clip-vit-large-patch14"
_START, _END = "<|startoftext|>", "<|endoftext|>"
# How CLIP splits a text before it merges bytes (Radford et al. 2021).
_SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
_PIECE = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[^\sa-z0-9]+", re.ASCII)  # of ASCII, digits left out
_WORD = re.compile(r"\S+")
# Python counts these among the blanks, CLIP does not: a text that has one is counted in one piece.
_ODD_BLANK = re.compile(r"[\x1c-\x1f]")
_REMEMBERED = 1 << 16  # words whose counts are kept: about 10 MB
_LONG = 100  # characters; a longer word is hardly met twice


def find_tokenizer(folder: str = "") -> Path:
    """Return a local folder with CLIP's vocab.json and merges.txt.

    Looked for in this order: `folder`; the environment's BESPOKE_TOKENIZER; the ComfyUI under COMFYUI_PATH or
    this pack's own; the cache of model downloads, as it is.

    Raises:
        InputError: none has both files, or `folder` or BESPOKE_TOKENIZER was given and has not.
    """
    found = look_for_tokenizer(folder)
    if found is None:
        raise InputError(
            "no CLIP tokenizer was found",
            field="tokenizer_path",
            remedy="Set COMFYUI_PATH to your ComfyUI, or tokenizer_path to its comfy/sd1_tokenizer folder.",
        )
    return found


def look_for_tokenizer(folder: str = "") -> Path | None:
    """Do as `find_tokenizer`, but return None where there is nothing to be found.

    Raises:
        InputError: `folder` or BESPOKE_TOKENIZER was given and lacks a file.
    """
    for text, field in (
        (folder, "tokenizer_path"),
        (os.environ.get("BESPOKE_TOKENIZER"), "BESPOKE_TOKENIZER"),
    ):
        if text:
            if not _complete(Path(text)):
                raise InputError(
                    "the folder lacks vocab.json or merges.txt",
                    field=field,
                    value=text,
                    remedy="Name a folder with both, such as comfy/sd1_tokenizer in ComfyUI.",
                )
            return Path(text)
    for comfyui in _comfyuis():
        candidate = comfyui / "comfy" / "sd1_tokenizer"
        if _complete(candidate):
            return candidate
    return _cached()


def load_tokenizer(folder: Path) -> Any:
    """Load transformers' CLIPTokenizer; it pads with the end token, as SD1.5 was trained."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(
        str(folder),
        local_files_only=True,
        pad_token=_END,
        model_max_length=77,
    )


class TokenCounter:
    """Counts CLIP tokens, those of start and end left out: as many as transformers' CLIPTokenizer makes.

    It runs on the `tokenizers` library alone (importing transformers takes seconds). A token never reaches
    over a blank, so a text's count is the sum over its words, and captions share nearly all of theirs: each
    distinct word is counted once, as long as it is remembered, from pieces that are remembered, too.

    Args:
        folder: with vocab.json and merges.txt, as `find_tokenizer` returns it.

    Raises:
        InputError: the files are no tokenizer's.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = _load_fast(folder)
        self._counts: dict[str, int] = {}

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        split = [_words(text) for text in texts]
        totals = [self._known(words) for words in split]
        unknown = [index for index, total in enumerate(totals) if total is None]
        if unknown:
            long = self._learn({word for index in unknown for word in split[index]})
            for index in unknown:
                totals[index] = sum(map(self._counts.__getitem__, split[index]))
            for word in long:
                del self._counts[word]
        return [total for total in totals if total is not None]

    def place_of(self, text: str, token: int) -> int | None:
        """Return where in `text` its token number `token` (from 0) starts, or None where it has fewer.

        A token that is a part of one character starts where the character does.
        """
        passed = 0
        for start, word in _placed_words(text):
            # No token of CLIP's is as long as this, so that a huge word's beginning is enough.
            piece = word if len(word) <= _LONG else word[: _LONG * (token - passed + 1)]
            count = self._counts.get(piece)
            if count is None:
                (count,) = self([piece])
            if passed + count > token:
                offsets = self._tokenizer.encode(piece, add_special_tokens=False).offsets
                return start + int(offsets[token - passed][0])
            passed += count
        return None

    def _known(self, words: list[str]) -> int | None:
        """Return the sum of words that are all remembered; None where one is not."""
        try:
            return sum(map(self._counts.__getitem__, words))
        except KeyError:
            return None

    def _learn(self, words: set[str]) -> list[str]:
        """Have the counts of all these words in `_counts`; return those that are too long to stay."""
        if len(self._counts) > _REMEMBERED:
            self._counts.clear()
        counts = self._counts
        pieces = {word: _pieces(word) for word in words if word not in counts}
        new = [one for one in {one for parts, _ in pieces.values() for one in parts} if one not in counts]
        encoded = self._tokenizer.encode_batch(new, add_special_tokens=False)
        counts.update((one, len(made.ids)) for one, made in zip(new, encoded, strict=True))
        for word, (parts, digits) in pieces.items():
            counts[word] = sum(map(counts.__getitem__, parts)) + digits
        return [one for one in {*new, *pieces} if len(one) > _LONG]


def _pieces(word: str) -> tuple[list[str], int]:
    """Split a word as CLIP does, where that is plain; return the pieces that are no digits, and how many are.

    Captions hold many codes, and codes few different pieces. Every digit is a token.
    """
    if not word.isascii() or "<|" in word or _ODD_BLANK.search(word):
        return [word], 0
    pieces = _PIECE.findall(word.lower())
    return pieces, len(word) - len("".join(pieces))


def _words(text: str) -> list[str]:
    # What can be printed has none of the odd blanks, and asking that is faster than looking for them.
    return text.split() if text.isprintable() or _ODD_BLANK.search(text) is None else [text]


def _placed_words(text: str) -> Iterator[tuple[int, str]]:
    if _ODD_BLANK.search(text) is not None:
        yield 0, text
        return
    for match in _WORD.finditer(text):
        yield match.start(), match[0]


def _load_fast(folder: Path) -> Any:
    from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    try:
        model = BPE.from_file(
            *(str(folder / name) for name in _FILES), unk_token=_END, end_of_word_suffix="</w>"
        )
    except Exception as error:  # noqa: BLE001  the library raises nothing narrower
        raise InputError(
            f"is no CLIP tokenizer ({error})", file=folder, remedy="Fetch vocab.json and merges.txt again."
        ) from None
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(_SPLIT), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.add_special_tokens([AddedToken(name, normalized=True) for name in (_START, _END)])
    return tokenizer


def _comfyuis() -> list[Path]:
    """Return where a ComfyUI may be: named by the environment, this pack's own, and the one we run in."""
    here = Path(__file__).absolute()
    packs = dict.fromkeys((here.parents[1], here.resolve().parents[1]))  # the pack may be linked in
    home = Path(os.environ.get("BESPOKE_HOME") or here.resolve().parents[1] / ".bespoke")
    named = os.environ.get("COMFYUI_PATH")
    around = [pack.parent.parent for pack in packs if pack.parent.name == "custom_nodes"]
    return [*([Path(named)] if named else []), home / "ComfyUI", *around]


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _FILES)


def _cached() -> Path | None:
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(_NAME, name) for name in _FILES]
    return Path(str(found[0])).parent if all(isinstance(path, str) for path in found) else None
