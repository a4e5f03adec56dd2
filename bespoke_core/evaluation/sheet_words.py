"""What an inference sheet says of the LoRA, its words and how to draw with it."""

from __future__ import annotations

from ..amounts import counted, score_text, span_text
from .contact_sheet import ReportPicture
from .sheet import Sheet
from .verdict_text import score_name

_MATCHES = (("background_match", "background"), ("feature_match", "features"))
_ANSWERS = ("yes", "no", "unclear")
_SHORT = 12  # digits of a hash that people compare


def about(sheet: Sheet) -> list[tuple[str, str]]:
    """Return what the sheet is about, as names and values: files, hashes, training."""
    facts, files = sheet.facts, sheet.drawn.base_files
    drawn_with = ", ".join(f"{name}{_hash(sha256)}" for name, sha256 in files.items())
    lines = [("Base model", drawn_with or "not known")]
    lines.append(("LoRA", f"{sheet.file}{_hash(sheet.sha256)}"))
    epoch = "" if sheet.epoch is None else f"epoch {sheet.epoch}; "
    lines.append(("Checkpoint", f"{sheet.checkpoint}, {epoch}{sheet.chosen_by}"))
    if facts is None:
        return lines
    if facts.base_name or facts.base_sha256:
        same = facts.base_sha256 and facts.base_sha256 in files.values()
        told = " (the file that the pictures were drawn with)" if same else _hash(facts.base_sha256)
        lines.append(("Trained on", f"{facts.base_name or 'a model'}{told}"))
    size = [
        facts.architecture,
        f"rank {facts.network_dim}" if facts.network_dim else "",
        f"alpha {facts.network_alpha}" if facts.network_alpha else "",
        f"{facts.resolution} px" if facts.resolution else "",
        counted(facts.pictures, "picture") if facts.pictures else "",
    ]
    if any(size):
        lines.append(("Training", ", ".join(one for one in size if one)))
    own = (("Author", facts.author), ("Licence", facts.license), ("Hint", facts.usage_hint))
    return lines + [(name, text) for name, text in own if text]


def words(sheet: Sheet) -> list[tuple[str, str]]:
    """Return the trigger words and the form of the captions, as names and values."""
    facts, lines = sheet.facts, []
    if facts is None or not (facts.words or facts.often):
        lines.append(("In every prompt", "not known: the LoRA's file does not tell its captions"))
    elif facts.words:
        lines.append(("In every prompt", facts.words))
    else:
        lines.append(("In every prompt", "nothing: no phrase stands in 80 % of the captions"))
    if facts is not None and facts.phrases:
        often = f"; often: {', '.join(facts.often)}" if facts.often else ""
        lines.append(
            ("Captions", f"about {counted(round(facts.phrases), 'phrase')} with commas between{often}")
        )
    example = next(iter(sheet.drawn.prompts.values()), "")
    return [*lines, ("For example", example)] if example else lines


def recipe(sheet: Sheet) -> list[tuple[str, str]]:
    """Return how to draw with it in ComfyUI: a node and its values a line, as far as they are known."""
    use = sheet.values
    strengths = [f"{name} {use[name]:g}" for name in ("strength_model", "strength_clip") if name in use]
    sampled = [f"{name} {use[name]}" for name in ("steps", "cfg") if name in use]
    sampled += [str(use[name]) for name in ("sampler_name", "scheduler") if name in use]
    lines = [("Load Checkpoint", next(iter(sheet.drawn.base_files), "the base model"))]
    lines.append(("Load LoRA", ", ".join([sheet.file, *strengths])))
    lines.append(("Prompt", "what to draw, with the words above"))
    if "negative_prompt" in use:
        lines.append(("Negative prompt", str(use["negative_prompt"] or "empty")))
    if "width" in use:
        lines.append(("Empty Latent Image", f"{use['width']}x{use['height']}"))
    lines.append(("KSampler", ", ".join(["the seed under the picture", *sampled, "denoise 1"])))
    sprites = sheet.drawn.sprites
    if sprites.get("method"):
        lines.append(("Sprites", f"{sheet.drawn.sprite_name}, method {sprites['method']}"))
    if sheet.drawn.versions:
        lines.append(("Versions", ", ".join(f"{name} {one}" for name, one in sheet.drawn.versions.items())))
    return lines


def result_line(sheet: Sheet) -> str:
    """Return what the chosen settings give together, in one sentence."""
    result = sheet.result
    if result is None:
        return "What these settings give together was not measured."
    interval, following = result.interval, result.following
    span = f" (95 % interval {span_text(interval.low, interval.high)})" if interval.n > 1 else ""
    pictures = counted(interval.n, "picture")
    line = f"Together: {score_text(interval.mean)} {score_name(sheet.by)} in the mean of {pictures}{span}"
    answers = following.yes + following.no
    if answers:
        line += f"; {following.yes} of {answers} clear answers say that they follow their prompts"
    return f"{line}."


def example_lines(sheet: Sheet, picture: ReportPicture) -> tuple[str, str]:
    """Return what stands under an example: its prompt's name, and its score with its seed."""
    scores = picture.row.scores
    value = picture.row.number(sheet.by)
    told = ["no score" if value is None else f"{value:g} {score_name(sheet.by)}"]
    told += [
        f"{word}: {scores[name]}" for name, word in _MATCHES if scores.get(name) in ("yes", "no", "unclear")
    ]
    return picture.row.prompt, ", ".join([*told, f"seed {picture.row.seed}"])


def _hash(sha256: str) -> str:
    return f" (SHA-256 {sha256[:_SHORT]})" if sha256 else ""
