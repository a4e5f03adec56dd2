"""The sizes of a LoRA: what `network_args` says, and what rank and alpha each layer gets. Without torch."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import InputError
from .keys.arguments import split_arguments

if TYPE_CHECKING:
    from .keys import TrainingConfig

DOWN, UP, ALPHA = ".lora_down.weight", ".lora_up.weight", ".alpha"
BLOCKS = 25
"""Blocks that kohya counts in SD1.5's UNet: 12 on the way down, the middle, 12 on the way up."""
_BLOCK = re.compile(r"(up|down)_blocks_(\d+)_(resnets|upsamplers|downsamplers|attentions)_(\d+)_")
_MOST = 1024
_LR_WEIGHTS = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold")


@dataclass(frozen=True)
class NetworkArguments:
    """What kohya's `network_args` can say of a LoRA; None is "not said".

    Attributes:
        conv_dim, conv_alpha: rank and alpha of 3x3 convolutions; with conv_dim the residual blocks and the
            changes of size get a LoRA too, their linear layers and 1x1 convolutions one of network_dim.
        rank_dropout, module_dropout: see `lora_layer.Dropouts`.
        loraplus_lr_ratio, loraplus_unet_lr_ratio, loraplus_text_encoder_lr_ratio: LoRA+ (Hayou et al. 2024):
            `up` learns at this many times the rate of `down`; for a part, or for all.
        block_dims, block_alphas, conv_block_dims, conv_block_alphas: one for each of the UNet's 25 blocks;
            a rank of 0 leaves a block out.
    """

    conv_dim: int | None = None
    conv_alpha: float | None = None
    rank_dropout: float | None = None
    module_dropout: float | None = None
    loraplus_lr_ratio: float | None = None
    loraplus_unet_lr_ratio: float | None = None
    loraplus_text_encoder_lr_ratio: float | None = None
    block_dims: tuple[int, ...] | None = None
    block_alphas: tuple[float, ...] | None = None
    conv_block_dims: tuple[int, ...] | None = None
    conv_block_alphas: tuple[float, ...] | None = None

    def up_ratio(self, part: str) -> float:
        """Return how many times faster `up` learns than `down` in "unet" or "text_encoder"."""
        return getattr(self, f"loraplus_{part}_lr_ratio") or self.loraplus_lr_ratio or 1.0


def read_network_arguments(words: Sequence[str]) -> NetworkArguments:
    """Read what `network_args` says: texts such as "conv_dim=4" and "block_dims=4,4,...".

    Raises:
        InputError: an unknown name (the nearest is named), or a value that is no number or out of range.
    """

    def refuse(problem: str, remedy: str, value: object) -> NoReturn:
        raise InputError(problem, field="network_args", value=value, remedy=remedy)

    known = [field.name for field in fields(NetworkArguments)]
    found: dict[str, Any] = {}
    try:
        given = split_arguments(words)
    except ValueError as error:
        refuse(str(error), 'Write them as ["conv_dim=4", "conv_alpha=1"].', " ".join(words))
    for name, value in given.items():
        word = f"{name}={value}"
        if name in _LR_WEIGHTS:
            refuse(
                "learning rates for single blocks are not supported",
                "Leave it out; block_dims leaves blocks out.",
                word,
            )
        if name == "dropout":
            refuse("has no effect in kohya's networks.lora", "Set network_dropout instead.", word)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"Did you mean {near[0]}? " if near else ""
            refuse("there is no such argument", f"{hint}There are: {', '.join(known)}.", word)
        try:
            found[name] = _READERS[name](value)
        except ValueError:
            refuse(f"{name} {_RANGES[name]}", "Correct the value, or leave the argument out.", word)
    if "conv_alpha" in found and not {"conv_dim", "conv_block_dims"} & found.keys():
        remedy = "Add conv_dim=4, or leave conv_alpha out."
        refuse("conv_alpha has no effect without conv_dim", remedy, f"conv_alpha={found['conv_alpha']}")
    return NetworkArguments(**found)


def _number(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not low <= (value := kind(text)) <= high:
            raise ValueError(text)
        return value

    return read


def _many(kind: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    def read(text: str) -> tuple[float, ...]:
        if len(found := tuple(kind(part) for part in text.split(","))) != BLOCKS:
            raise ValueError(text)
        return found

    return read


_RANK, _ALPHA_OF, _SHARE = _number(int, 0, _MOST), _number(float, 0, _MOST), _number(float, 0, 0.999)
_READERS: dict[str, Callable[[str], Any]] = {
    "conv_dim": _RANK,
    "conv_alpha": _ALPHA_OF,
    "rank_dropout": _SHARE,
    "module_dropout": _SHARE,
    **dict.fromkeys(
        ("loraplus_lr_ratio", "loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio"),
        _number(float, 1e-6, 1e6),
    ),
    "block_dims": _many(_RANK),
    "block_alphas": _many(_ALPHA_OF),
    "conv_block_dims": _many(_RANK),
    "conv_block_alphas": _many(_ALPHA_OF),
}
_RANGES = {
    name: f"is {BLOCKS} numbers from 0 to {_MOST} with commas between them"
    if "block" in name
    else "is a number from 0 to below 1"
    if "dropout" in name
    else "is a number above 0"
    if "ratio" in name
    else f"is a number from 0 to {_MOST}"
    for name in _READERS
}


@dataclass(frozen=True)
class NetworkForm:
    """What rank and alpha each layer gets.

    Attributes:
        rank, alpha: of linear layers and 1x1 convolutions where nothing else is said; alpha is never 0.
        args: what network_args says.
        dropout: share of the numbers between the two matrices that is left out in training.
        sizes: (rank, alpha) of each kohya name, when they are those of a file; then nothing else counts.
    """

    rank: int
    alpha: float
    args: NetworkArguments
    dropout: float = 0.0
    sizes: Mapping[str, tuple[int, float]] | None = None

    @property
    def all_blocks(self) -> bool:
        """Whether the UNet's residual blocks and changes of size may get a LoRA."""
        return bool(self.sizes is not None or self.args.conv_dim or self.args.conv_block_dims)

    def size_of(self, name: str, *, wide: bool) -> tuple[int, float] | None:
        """Return the rank and the alpha of a layer, or None where it gets no LoRA.

        Args:
            name: the layer's kohya name.
            wide: whether it is a convolution of more than 1x1.
        """
        if self.sizes is not None:
            return self.sizes.get(name)
        args, alpha = self.args, 1.0 if self.args.conv_alpha is None else self.args.conv_alpha
        rank: int | None = args.conv_dim
        if not wide:
            rank, alpha = self.rank, self.alpha
        if name.startswith("lora_unet_") and (args.block_dims or args.conv_block_dims):
            block = block_of(name)
            ranks = args.conv_block_dims if wide else args.block_dims
            alphas = args.conv_block_alphas if wide else args.block_alphas
            rank = ranks[block] if ranks else rank
            alpha = alphas[block] if alphas else alpha
        return (rank, alpha or float(rank)) if rank else None


def form_of(config: TrainingConfig) -> NetworkForm:
    """Return the sizes that a configuration asks for."""
    alpha = config.network_alpha or float(config.network_dim)
    args = read_network_arguments(config.network_args)
    return NetworkForm(config.network_dim, alpha, args, config.network_dropout)


def form_of_file(
    shapes: Mapping[str, Any], alphas: Mapping[str, float], config: TrainingConfig
) -> NetworkForm:
    """Return the sizes of a LoRA file (dim_from_weights); an alpha that it lacks is the rank.

    Args:
        shapes: of its tensors, by key.
        alphas: by kohya name.
    """
    ranks = {key.removesuffix(DOWN): int(shape[0]) for key, shape in shapes.items() if key.endswith(DOWN)}
    sizes = {name: (rank, alphas.get(name, 0.0) or float(rank)) for name, rank in ranks.items()}
    rank, alpha = max(sizes.values(), default=(config.network_dim, config.network_alpha))
    return NetworkForm(
        rank, alpha, read_network_arguments(config.network_args), config.network_dropout, sizes
    )


def block_of(name: str) -> int:
    """Return the number of the UNet's block, from 0 to 24, in which a layer is, as kohya counts them.

    0 stands for the very first convolution, which gets no LoRA; 12 is the middle.
    """
    found = _BLOCK.search(name)
    if found is None:
        return BLOCKS // 2
    way, level, kind, number = found.groups()
    place = 3 * int(level) + (2 if kind in {"upsamplers", "downsamplers"} else int(number))
    return min(BLOCKS - 1, (1 if way == "down" else BLOCKS // 2 + 1) + place)
