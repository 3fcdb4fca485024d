"""Texts in fonts of a PDF: in the order in which they are drawn, and in words where no font has a sign."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import pymupdf_fonts  # type: ignore[import-untyped]
from arabic_reshaper import ArabicReshaper  # type: ignore[import-untyped]
from bidi import get_display  # type: ignore[import-untyped]
from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth  # type: ignore[import-untyped]
from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]

FONT, BOLD = "Filon", "Filon-Bold"
FILES = {FONT: "figo", BOLD: "figbo"}
"""FiraGO: Latin, Greek, Cyrillic, Georgian, Hebrew, Arabic, Devanagari and Thai."""
CHINESE, JAPANESE, KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
"""Fonts that readers of PDF files bring along; none that could be embedded is packaged."""
RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
HAN = re.compile(r"[\u2e80-\u2fdf\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")
KANA = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff]")
HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
UNSEEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]")
"""Characters without a sign of their own, such as marks of direction."""
BLANKS = re.compile(r"[\u2000-\u200a\u202f\u205f]")
SHAPER = ArabicReshaper({"use_unshaped_instead_of_isolated": True, "delete_harakat": False})


@dataclass(frozen=True)
class Run:
    """A piece of a text in one font."""

    font: str
    text: str

    def width(self, size: float) -> float:
        """Points that it takes."""
        return float(stringWidth(self.text, self.font, size))


@dataclass
class Signs:
    """The fonts of a document; remembers which signs none of them has, and whether it borrows fonts of readers."""

    missing: set[str] = field(default_factory=set)
    is_borrowing: bool = False

    def __post_init__(self) -> None:
        for name, file in FILES.items():
            registerFont(TTFont(name, io.BytesIO(pymupdf_fonts.myfont(file))))
        for name in (CHINESE, JAPANESE, KOREAN):
            registerFont(UnicodeCIDFont(name))

    def runs(self, text: str, font: str = FONT) -> list[Run]:
        """A text from left to right; a sign that no font has is its number in brackets."""
        text = UNSEEN.sub("", BLANKS.sub("\u00a0", unicodedata.normalize("NFC", text)))
        if RIGHT_TO_LEFT.search(text):
            text = get_display(SHAPER.reshape(text))
        other = JAPANESE if KANA.search(text) else CHINESE
        drawn = [self._sign(sign, font, other) for sign in text]
        return [
            Run(name, "".join(text for _, text in signs)) for name, signs in groupby(drawn, key=lambda sign: sign[0])
        ]

    def short(self, text: str, size: float, width: float) -> str:
        """As much of a text as fits."""
        while text and sum(run.width(size) for run in self.runs(text)) > width:
            text = f"{text[:-2]}…"
        return text

    def named(self) -> Iterator[str]:
        """The signs that no font has, as Unicode names them."""
        for sign in sorted(self.missing):
            yield f"[{ord(sign):04X}] {unicodedata.name(sign, '').lower()}".rstrip()

    def _sign(self, sign: str, font: str, other: str) -> tuple[str, str]:
        if sign == "\n" or ord(sign) in getFont(font).face.charToGlyph:
            return font, sign
        if HANGUL.match(sign) or KANA.match(sign) or HAN.match(sign):
            self.is_borrowing = True
            return KOREAN if HANGUL.match(sign) else JAPANESE if KANA.match(sign) else other, sign
        self.missing.add(sign)
        return font, f"[{ord(sign):04X}]"
