"""Regular expressions of RE2, by which Filon's SQL is read, as Java's, by which Spark reads them.

Each part of a pattern is read and written anew, so that what is not known to mean the same is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from filon.engines.spark.terms import Unspellable

CLASSES = {
    "d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r ",
}  # fmt: skip
POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ", "digit": "0-9", "lower": "a-z",
    "upper": "A-Z", "space": r"\t\n\x0B\f\r ", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f", "punct": r"!-/:-@\[-`{-~",
    "cntrl": r"\x00-\x1F\x7F", "graph": "!-~", "print": " -~",
}  # fmt: skip
CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
BOUNDARY = r"(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))"
NO_BOUNDARY = r"(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))"
FLAGS = re.compile(r"\(\?([ims]*)(?:-([ims]+))?([:)])")
NAMED = re.compile(r"\(\?P?<([A-Za-z][A-Za-z0-9]*)>")
COUNTED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
HEX = re.compile(r"x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))")
PROPERTY = re.compile(r"([pP])(?:\{(\^?)(\w+)\}|(\w))")
MOST_REPEATS = 1000
GENERAL = {
    "L", "Ll", "Lu", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co",
}  # fmt: skip
"""Categories of characters that both know by these names; any other name is a script."""


def to_java(pattern: str) -> str:
    """A pattern of RE2 for Java; Unspellable when it is none, or means something that Java cannot say."""
    written = "".join(_Reading(pattern).parts())
    return f"(?d){written}" if "." in written or "^" in written else written  # only \n ends a line


def replacement_to_java(replacement: str) -> str:
    r"""What replaces a match: ``\1`` for a group, where Java has ``$1``."""
    parts, end, after_group = [], 0, False
    for found in re.finditer(r"\\(.)|\$|[0-9]", replacement, re.DOTALL):
        parts.append(replacement[end : found.start()])
        follows, after_group, end = after_group and found.start() == end, False, found.end()
        if found[0] == "$":
            parts.append(r"\$")
        elif found[1] is None:  # a digit behind a group would be taken for a part of its number
            parts.append(rf"\{found[0]}" if follows else found[0])
            after_group = follows
        elif found[1].isdigit():
            parts.append(f"${found[1]}")
            after_group = True
        elif found[1] == "\\":
            parts.append(r"\\")
        else:
            raise Unspellable(f"`{replacement}` has a backslash that is followed by neither a digit nor a backslash")
    return "".join([*parts, replacement[end:]])


class _Reading:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.open = 0

    def refused(self, why: str) -> Unspellable:
        return Unspellable(f"the regular expression {self.pattern!r} {why}")

    def parts(self) -> Iterator[str]:
        repeatable = False
        while self.at < len(self.pattern):
            letter = self.pattern[self.at]
            if letter in "*+?{" and (letter != "{" or COUNTED.match(self.pattern, self.at)):
                if not repeatable:
                    raise self.refused("repeats nothing")
                yield self.repeat()
                repeatable = False
                continue
            repeatable = letter not in "(|^"
            yield self.part(letter)
        if self.open:
            raise self.refused("has a bracket that is not closed")

    def part(self, letter: str) -> str:
        if letter == "\\":
            return self.escaped()
        if letter == "[":
            return self.char_class()
        if letter == "(":
            return self.group()
        self.at += 1
        if letter == ")":
            self.open -= 1
            if self.open < 0:
                raise self.refused("closes a bracket that is not open")
        if letter == "$":
            return r"\z"
        return letter if letter in ").|^" else self.plain(ord(letter))

    def plain(self, code: int) -> str:
        """One character, whatever it is."""
        letter = chr(code)
        return letter if letter.isascii() and letter.isalnum() else rf"\x{{{code:X}}}"

    def repeat(self) -> str:
        counted = COUNTED.match(self.pattern, self.at)
        if counted:
            if max(int(number) for number in counted.groups() if number) > MOST_REPEATS:
                raise self.refused(f"repeats more than {MOST_REPEATS} times")
            found = counted[0]
        else:
            found = self.pattern[self.at]
        self.at += len(found)
        if self.pattern.startswith("?", self.at):
            self.at += 1
            found += "?"
        if self.pattern[self.at : self.at + 1] in ("*", "+", "?"):
            raise self.refused("repeats a repetition")
        return found

    def group(self) -> str:
        self.open += 1
        if flags := FLAGS.match(self.pattern, self.at):
            on, off, end = flags[1], flags[2] or "", flags[3]
            if "m" in on + off:
                raise self.refused("counts lines, (?m), which Java does in another way")
            self.at = flags.end()
            if end == ")":
                self.open -= 1
            on = on.replace("i", "iu")
            return f"(?{on}{'-' + off if off else ''}{end}"
        if named := NAMED.match(self.pattern, self.at):
            self.at = named.end()
            return f"(?<{named[1]}>"
        if self.pattern.startswith("(?", self.at):
            raise self.refused("has a group that RE2 does not know")
        self.at += 1
        return "("

    def escaped(self) -> str:
        rest = self.pattern[self.at + 1 :]
        if not rest:
            raise self.refused("ends with a backslash")
        letter = rest[0]
        simple = {"b": BOUNDARY, "B": NO_BOUNDARY, "A": r"\A", "z": r"\z"}
        if letter in simple:
            self.at += 2
            return simple[letter]
        if letter == "Q":
            end = rest.find(r"\E")
            quoted = rest[1:] if end < 0 else rest[1:end]
            self.at += 2 + len(quoted) + (2 if end >= 0 else 0)
            return "".join(self.plain(ord(each)) for each in quoted)
        if letter.lower() in CLASSES:
            self.at += 2
            return f"[{'^' if letter.isupper() else ''}{CLASSES[letter.lower()]}]"
        if letter in "pP":
            return self.property(rest)
        return self.plain(self.code(rest))

    def property(self, rest: str) -> str:
        found = PROPERTY.match(rest)
        if not found:
            raise self.refused("has a class of characters that is not known")
        self.at += 1 + found.end()
        name = found[3] or found[4]
        negated = (found[1] == "P") != (found[2] == "^")
        return rf"\{'P' if negated else 'p'}{{{name if name in GENERAL else 'Is' + name}}}"

    def code(self, rest: str) -> int:
        """The character that an escape stands for; the place is behind it afterwards."""
        letter = rest[0]
        if letter in CONTROLS:
            self.at += 2
            return CONTROLS[letter]
        if found := HEX.match(rest):
            self.at += 1 + found.end()
            return int(found[1] or found[2], 16)
        if letter.isalnum():
            raise self.refused(rf"has \{letter}, which RE2 does not know")
        self.at += 2
        return ord(letter)

    def char_class(self) -> str:
        self.at += 1
        parts = ["["]
        if self.pattern.startswith("^", self.at):
            self.at += 1
            parts.append("^")
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise self.refused("has a class of characters that is not closed")
            parts.append(self.class_item())
            first = False
        self.at += 1
        return "".join([*parts, "]"])

    def class_item(self) -> str:
        if posix := re.compile(r"\[:(\^?)(\w+):\]").match(self.pattern, self.at):
            if posix[2] not in POSIX or posix[1]:
                raise self.refused(f"has the class {posix[0]}")
            self.at = posix.end()
            return POSIX[posix[2]]
        if self.pattern[self.at] == "\\":
            rest = self.pattern[self.at + 1 :]
            if rest[:1].lower() in CLASSES:
                self.at += 2
                chars = CLASSES[rest[0].lower()]
                return f"[^{chars}]" if rest[0].isupper() else chars
            if rest[:1] in ("p", "P"):
                return self.property(rest)
        low = self.class_char()
        following = self.pattern[self.at : self.at + 2]
        if len(following) == 2 and following[0] == "-" and following[1] != "]":
            self.at += 1
            high = self.class_char()
            if high < low:
                raise self.refused("has a range that goes backwards")
            return f"{self.plain(low)}-{self.plain(high)}"
        return self.plain(low)

    def class_char(self) -> int:
        letter = self.pattern[self.at]
        if letter == "\\":
            rest = self.pattern[self.at + 1 :]
            if not rest:
                raise self.refused("ends with a backslash")
            return self.code(rest)
        self.at += 1
        return ord(letter)
