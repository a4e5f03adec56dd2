"""Parse, audit and clean captions by the million, and stop at the first that breaks a promise.

    python tests/support/fuzz_captions.py 1000000 --seed 1

A third of the texts is arbitrary Unicode, a third are the pieces of captions in any order, a third are whole
captions with a few mistakes. The promises are those of `broken_promise`.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from bespoke_core.captions import parse as parse_module
from bespoke_core.captions.caption import Caption
from bespoke_core.captions.checks import check_codes, check_colours, check_style, check_text, read_caption
from bespoke_core.captions.clean import clean_caption
from bespoke_core.captions.parse import parse

PIECES = (
    *(
        "#aabbcc",
        "#AABBCC",
        "#abc",
        "#12345678",
        "##aabbcc",
        "#",
        "#ab",
        "#aabbccx",
        "(#aabbcc)",
        " #112233,",
    ),
    *("(", ")", "[", "]", "{", "}", "（", "）", "【", "】", ",", ", ", " ", "  ", "\n", "\r\n", "\r", "\t"),
    *("-", "–", "/", ":", ";", ".", "!", '"', "'", "“", "”", "`", "\\", "|", "&", "=", "_", "…"),
    *("hair", "eyes", "x", "1", "red hat", "brown_hair", "and", "with", "(big)", "palette:", "Palette :"),
    *(
        "sharp pixel edges",
        "hard_color_borders",
        "é",
        "🔥",
        "\u3000",
        "\u0301",
        "\x00",
        "\ud800",
        "\u200b",
        "ß",
    ),
)
_FEATURES = ("hair", "eyes", "skin", "lips", "background", "shirt and tie", "hat (with a feather)", "beard")
_COLOURS = ("dark brown", "light", "pale green", "red/orange", "blonde", "", "solid", "#00ff00", "dark dark")
_CODED = (
    "{} (#{:06x})",
    "{} (#{:06X})",
    "{}",
    "{}#{:06x}",
    "{} [#{:06x}, #112233]",
    "{} (#{:06x}",
    "{}: #{:06x}",
)
_DANGLING = re.compile(r",\s*,|,\s*$|^\s*,|\(\s*\)|\[\s*\]|\{\s*\}|\s,")
_BREAK = re.compile(r"\r\n?|\n")
_WORD = re.compile(r"\w+")
# Takes every phrase for an irregular one, so that all goes through the scanner.
_NOTHING_IS_REGULAR = re.compile(r"()()()()([^,]*),")


def texts(count: int, seed: int) -> Iterator[str]:
    """Yield texts; the same ones for the same seed."""
    chance = random.Random(seed)
    kinds = (_unicode, _soup, _mutated)
    for number in range(count):
        yield kinds[number % 3](chance)


def _unicode(chance: random.Random) -> str:
    highest = chance.choice((0x7F, 0xFF, 0x3100, 0x10FFFF))
    return "".join(chr(chance.randrange(highest + 1)) for _ in range(chance.randrange(24)))


def _soup(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randrange(24)))


def _mutated(chance: random.Random) -> str:
    phrases = ["pixel art", "portrait of a lad"]
    for feature in chance.sample(_FEATURES, chance.randrange(1, 6)):
        words = f"{chance.choice(_COLOURS)} {feature}".strip()
        phrases.append(chance.choice(_CODED).format(words, chance.randrange(1 << 24)))
    if chance.random() < 0.5:
        phrases.append("palette: " + ", ".join(f"#{chance.randrange(1 << 24):06x}" for _ in range(3)))
        phrases += ["sharp pixel edges", "#abcdef"]
    text = ", ".join(phrases)
    for _ in range(chance.randrange(5)):
        place, length = chance.randrange(len(text) + 1), chance.choice((0, 0, 1, 1, 2, 9))
        text = text[:place] + chance.choice(("", *PIECES)) + text[place + length :]
    return text


def broken_promise(text: str) -> str | None:
    """Return the first promise that is broken for a text, or None.

    The caption renders back; both ways through the parser agree; each code lies in its phrase; the audit's
    findings lie in the text; cleaning leaves no code and no dangling punctuation, loses no word and joins
    none to another, and cleaning the cleaned text changes nothing.
    """
    caption = parse(text)
    if caption.render() != text:
        return "the caption does not render back"
    if _outline(caption) != _outline(scanned(text)):
        return "the regular expression and the scanner disagree"
    for index, phrase in enumerate(caption.phrases):
        for code in caption.codes_of(phrase):
            if not phrase.start <= code.start < code.end <= phrase.end or code.phrase not in (index, None):
                return f"the code {code.hex} is not where its phrase is"
    reading = read_caption("a.txt", text)
    checks = (
        check_codes(reading),
        check_text(reading),
        check_style(reading, frozenset()),
        check_colours(reading),
    )
    for found in (one for check in checks for one in check):
        if found.text != text[slice(*found.span)]:
            return f"the finding {found} does not lie in the text"
    return _broken_by_cleaning(text, caption)


def _broken_by_cleaning(text: str, caption: Caption) -> str | None:
    cleaned = clean_caption(text)
    if parse(cleaned.text).codes:
        return f"a code is left: {cleaned.text!r}"
    if any(_DANGLING.search(line) for line in _BREAK.split(cleaned.text)):
        return f"punctuation dangles: {cleaned.text!r}"
    if clean_caption(cleaned.text).text != cleaned.text:
        return f"cleaning again changes {cleaned.text!r}"
    if cleaned.words_kept != len(_WORD.findall(cleaned.text)):
        return f"{cleaned.words_kept} words are said to be in {cleaned.text!r}"
    if not any(phrase.section == "palette" for phrase in caption.phrases):
        kept = clean_caption(text, style_phrases=()).text
        if "palette" not in text.lower() and _WORD.findall(kept) != _WORD.findall(without_codes(caption)):
            return f"words are lost or joined: {kept!r}"
    return None


def without_codes(caption: Caption) -> str:
    """Return a caption with a blank in place of each code."""
    pieces, position = [], 0
    for code in caption.codes:
        pieces.append(caption.text[position : code.start])
        position = code.end
    return " ".join([*pieces, caption.text[position:]])


def scanned(text: str) -> Caption:
    """Parse a text with the scanner alone, as if nothing in it were written the regular way."""
    regular = parse_module._PIECE
    parse_module._PIECE = _NOTHING_IS_REGULAR
    try:
        return parse(text)
    finally:
        parse_module._PIECE = regular


def _outline(caption: Caption) -> tuple[object, ...]:
    """Return all that is known of a caption, but for a flag that a code's colon sets."""
    phrases = [phrase._replace(wording=phrase.wording._replace(palette=False)) for phrase in caption.phrases]
    return phrases, caption.codes, caption.strays


def fuzz(count: int, seed: int) -> None:
    """Try so many texts.

    Raises:
        AssertionError: a promise is broken; the message has the text.
    """
    for number, text in enumerate(texts(count, seed)):
        try:
            broken = broken_promise(text)
        except Exception as error:
            raise AssertionError(f"text {number} of seed {seed}, {text!r}: {error!r}") from error
        if broken is not None:
            raise AssertionError(f"text {number} of seed {seed}, {text!r}: {broken}")


def main() -> None:
    """Read the arguments and fuzz."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int, help="how many texts to try")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins")
    options = parser.parse_args()
    start = time.perf_counter()
    fuzz(options.count, options.seed)
    seconds = time.perf_counter() - start
    print(f"{options.count:,} texts in {seconds:,.0f} s: none breaks a promise")


if __name__ == "__main__":
    main()
