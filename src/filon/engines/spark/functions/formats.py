"""Dates and times of texts, and as texts, in strptime's letters: Spark's own parsers read more, and less."""

from __future__ import annotations

from dataclasses import dataclass, field

from filon.engines.spark.terms import Unspellable, quoted
from filon.engines.spark.types import Type

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DIGITS = {"d": 2, "m": 2, "H": 2, "I": 2, "M": 2, "S": 2, "y": 2, "j": 3}


@dataclass
class Reading:
    """A format as a regular expression of Java, with the number of the group that holds each part."""

    pattern: str = ""
    groups: dict[str, int] = field(default_factory=dict)

    def add(self, letter: str, form: str) -> None:
        """A part that is read."""
        if letter in self.groups:
            raise Unspellable(f"the format reads %{letter} twice")
        self.groups[letter] = len(self.groups) + 1
        self.pattern += f"({form})"


def parts_of(form: str) -> list[tuple[str, str]]:
    """The letters and the plain texts of a format: a letter and nothing, or nothing and a text."""
    parts, index = [], 0
    while index < len(form):
        if form[index] != "%":
            parts.append(("", form[index]))
            index += 1
            continue
        letter = form[index + 1 : index + 2]
        skipped = 3 if letter == "-" else 2
        letter = form[index : index + skipped][1:]
        parts.append(("", "%") if letter == "%" else (letter, ""))
        index += skipped
    return parts


def _reading(form: str) -> Reading:
    reading = Reading()
    for letter, text in parts_of(form):
        plain = letter.removeprefix("-")
        if text:
            reading.pattern += rf"\x{{{ord(text):X}}}"
        elif plain in DIGITS:
            reading.add(plain, f"[0-9]{{1,{DIGITS[plain]}}}")
        elif plain == "Y":
            reading.add("Y", "[0-9]{1,4}")
        elif plain == "f":
            reading.add("f", "[0-9]{1,6}")
        elif plain == "p":
            reading.add("p", "(?i:am|pm)")
        elif plain in ("b", "B"):
            names = [month if plain == "B" else month[:3] for month in MONTHS]
            reading.add(plain, f"(?i:{'|'.join(names)})")
        else:
            raise Unspellable(f"the format {form!r} has %{letter}, which Spark cannot read")
    if "j" in reading.groups or ("I" in reading.groups) != ("p" in reading.groups):
        raise Unspellable(f"the format {form!r} cannot be read on Spark")
    return reading


def parsed(text: str, form: str) -> str:
    """An expression for the local time that a text spells; null when it spells none."""
    reading = _reading(form)
    pattern = quoted(rf"\A\s*{reading.pattern}\s*\z")

    def part(letter: str) -> str:
        return f"regexp_extract({text}, {pattern}, {reading.groups[letter]})"

    def number(letter: str, default: str) -> str:
        return f"try_cast({part(letter)} AS INT)" if letter in reading.groups else default

    year = number("Y", "1900")
    if "y" in reading.groups:
        short = number("y", "")
        year = f"({short} + if({short} < 69, 2000, 1900))"
    month = number("m", "1")
    for letter, size in (("B", 9), ("b", 3)):
        if letter in reading.groups:
            names = ", ".join(quoted(name[:size].lower()) for name in MONTHS)
            month = f"nullif(array_position(array({names}), lower({part(letter)})), 0)"
    hour = number("H", "0")
    if "I" in reading.groups:
        twelve = number("I", "")
        hour = f"(if({twelve} BETWEEN 1 AND 12, {twelve} % 12, NULL) + if(lower({part('p')}) = 'pm', 12, 0))"
    second = number("S", "0")
    if "S" in reading.groups:
        second = f"if({second} < 60, {second}, NULL)"
    if "f" in reading.groups:
        fraction = f"try_cast(concat('0.', {part('f')}) AS DECIMAL(7,6))"
        second = f"({second} + {fraction})"
    fields = f"{year}, CAST({month} AS INT), {number('d', '1')}, {hour}, {number('M', '0')}, {second}"
    return f"if({text} RLIKE {pattern}, try_make_timestamp_ntz({fields}), NULL)"


def formatted(moment: str, form: str, kind: Type) -> str:
    """An expression for a date or a timestamp in a format."""

    def padded(value: str, width: int) -> str:
        return f"lpad(CAST({value} AS STRING), {width}, '0')"

    def plain(value: str) -> str:
        return f"CAST({value} AS STRING)"

    has_time = kind.name != "DATE"
    hour, minute, second = (f"{word}({moment})" if has_time else "0" for word in ("hour", "minute", "second"))
    fraction = f"CAST(extract(SECOND FROM {moment}) * 1000000 AS BIGINT) % 1000000" if has_time else "0"
    twelve = f"(if({hour} % 12 = 0, 12, {hour} % 12))"
    numbers = {
        "d": (f"day({moment})", 2), "m": (f"month({moment})", 2), "H": (hour, 2), "I": (twelve, 2), "M": (minute, 2),
        "S": (second, 2), "y": (f"(year({moment}) % 100)", 2), "j": (f"dayofyear({moment})", 3),
    }  # fmt: skip
    months, days = (", ".join(map(quoted, names)) for names in (MONTHS, DAYS))
    texts = {
        "Y": padded(f"year({moment})", 4),
        "f": padded(fraction, 6),
        "g": padded(f"CAST(({fraction}) / 1000 AS INT)", 3),
        "p": f"if({hour} < 12, 'AM', 'PM')",
        "B": f"element_at(array({months}), month({moment}))",
        "b": f"left(element_at(array({months}), month({moment})), 3)",
        "A": f"element_at(array({days}), weekday({moment}) + 1)",
        "a": f"left(element_at(array({days}), weekday({moment}) + 1), 3)",
        "u": plain(f"(weekday({moment}) + 1)"),
        "w": plain(f"((weekday({moment}) + 1) % 7)"),
        "V": padded(f"weekofyear({moment})", 2),
        "G": padded(f"extract(YEAROFWEEK FROM {moment})", 4),
    }
    texts |= {letter: padded(value, width) for letter, (value, width) in numbers.items()}
    texts |= {f"-{letter}": plain(value) for letter, (value, _) in numbers.items()}
    spelled, run = [], ""
    for letter, text in parts_of(form):
        if text:
            run += text
            continue
        if letter not in texts:
            raise Unspellable(f"the format {form!r} has %{letter}, which Spark cannot write")
        spelled += [quoted(run), texts[letter]] if run else [texts[letter]]
        run = ""
    spelled += [quoted(run)] if run or not spelled else []
    return f"if({moment} IS NULL, NULL, concat({', '.join(spelled)}))"
