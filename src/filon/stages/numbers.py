"""Numbers of texts, as SQL: which texts have the form that a dialect gives numbers, and the plain number they spell.

A plain number is what SQL reads: a sign or none, digits, a point or none, digits. Blanks are space, tab, the no-break
space and the narrow no-break space.
"""

from __future__ import annotations

import re

from filon.engines.functions import grouping_sizes
from filon.project import Column, Kind
from filon.project.values import LARGEST_DOUBLE
from filon.project.vocabulary import Dialect, Negative, Percent
from filon.sql import identifier, literal

BLANK = r"[ \t\x{A0}\x{202F}]"
BLANKS_INSIDE = (" ", "\t", "\u00a0", "\u202f")
LONGER, LAST_TWO, MOVED = r"\100", r"([0-9]{2})(?:\.([0-9]*))?$", r".\1\2"
"""Two zeros behind the sign; the digits around the point; the same, with the point before them."""
FIRST_GROUP = r"\1"
EXPONENT = "([eE][+-]?[0-9]{1,2})?"


def spelled_number(column: Column, dialect: Dialect, locale: str) -> str | None:
    """An expression for the plain number that the text of a column spells, null when it spells none.

    Args:
        column: a column of numbers
        dialect: how its texts are spelled
        locale: of the sizes of groups, such as ``fr``

    Returns:
        The expression; None when texts are plain numbers already.

    """
    if _is_plain(dialect):
        return None
    text = _text(column)
    form = literal(_form(column, dialect, locale))
    return f"CASE WHEN regexp_full_match({text}, {form}) THEN {_plain(dialect, text)} END"


def number_of(column: Column, dialect: Dialect) -> str:
    """The name of the plain number of a column: its text, or what ``spelled_number`` gives; quoted."""
    return _text(column) if _is_plain(dialect) else identifier(f"{column.name} number")


def is_number(column: Column, dialect: Dialect) -> str:
    """The condition that a text spells a number, whatever the type of the column holds of it."""
    if _is_plain(dialect):
        return f"regexp_full_match({_text(column)}, {literal(_form(column, dialect, ''))})"
    return f"{number_of(column, dialect)} IS NOT NULL"


def is_exact(column: Column, dialect: Dialect) -> str:
    """The condition that a text spells a number with no more decimals than the column's type holds."""
    if column.type.kind is Kind.DOUBLE:
        return is_number(column, dialect)
    return _has_exact_form(number_of(column, dialect), column, dialect)


def number_value(column: Column, dialect: Dialect) -> str:
    """An expression for the typed number; null when the text spells none that the type holds."""
    return _value(number_of(column, dialect), is_exact(column, dialect), column)


def plain_number(column: Column, dialect: Dialect) -> str | None:
    """An expression for the typed number of a field as it was read, null unless it is a plain number and nothing else.

    Returns:
        The expression; None when numbers of this dialect are not plain.

    """
    if not _is_plain(dialect):
        return None
    field = identifier(column.name)
    return _value(field, _has_exact_form(field, column, dialect), column)


def number_form(column: Column, dialect: Dialect, locale: str) -> str:
    """A regular expression (RE2) for the texts that spell a number, without blanks around."""
    return _form(column, dialect, locale)


def _has_exact_form(number: str, column: Column, dialect: Dialect) -> str:
    kind, scale = column.type.kind, column.type.scale
    if kind is Kind.INTEGER:
        form = "[+-]?[0-9]+" if _is_plain(dialect) else r"[+-]?[0-9]+(\.0*)?"  # 500% may be divided
    elif kind is Kind.DECIMAL:
        fraction = f"[0-9]{{1,{scale}}}0*" if scale else "0+"
        form = rf"[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?|\.{fraction})"
    else:
        form = _form(column, dialect, "")
    return f"regexp_full_match({number}, {literal(form)})"


def _value(number: str, is_exact: str, column: Column) -> str:
    value = f"TRY_CAST({number} AS {column.type.sql})"
    fits = ""
    if column.type.kind is Kind.DOUBLE:
        fits = f" AND abs({value}) <= {LARGEST_DOUBLE}"  # larger texts are cast to infinity
    return f"CASE WHEN {is_exact}{fits} THEN {value} END"


def _text(column: Column) -> str:
    return identifier(f"{column.name} text")


def _is_plain(dialect: Dialect) -> bool:
    affixes = dialect.currency or dialect.percent is not Percent.NONE
    return dialect.decimal == "." and not dialect.grouping and not affixes and dialect.negative == (Negative.MINUS,)


def _form(column: Column, dialect: Dialect, locale: str) -> str:
    """Every way to write a number: its digits, with a sign or brackets, with an affix at one end or none."""
    digits = _digits(dialect, locale, has_fraction=column.type.kind is not Kind.INTEGER)
    exponent = EXPONENT if column.type.kind is Kind.DOUBLE else ""
    minus = "-" if Negative.MINUS in dialect.negative else ""
    number = f"(?:{digits}{exponent})"
    forms = [f"[+{minus}]?{number}"]
    if Negative.TRAILING in dialect.negative:
        forms.append(f"{number}-")
    if Negative.PARENTHESES in dialect.negative:
        forms.append(rf"\({number}\)")
    for affix in filter(None, (_currencies(dialect), "%" if dialect.percent is not Percent.NONE else "")):
        number = f"(?:{digits}{exponent if affix != '%' else ''})"
        before, after = f"(?:{affix}){BLANK}*", f"{BLANK}*(?:{affix})"
        forms += [f"[+{minus}]?{BLANK}*{before}{number}", f"{before}[+{minus}]{number}", f"[+{minus}]?{number}{after}"]
        if Negative.TRAILING in dialect.negative:
            forms += [f"{before}{number}-", f"{number}-{after}", f"{number}{after}-"]
        if Negative.PARENTHESES in dialect.negative:
            forms += [rf"\({before}{number}\)", rf"\({number}{after}\)"]
            forms += [rf"{before}\({number}\)", rf"\({number}\){after}"]
    return "|".join(forms)


def _digits(dialect: Dialect, locale: str, *, has_fraction: bool) -> str:
    """The digits of a number: groups stand before the decimal mark only, all with one mark, and each is full."""
    point = f"[{dialect.decimal}]"
    wholes = [_grouped(mark, locale) for mark in _marks(dialect)] + ["[0-9]+"]
    whole = f"(?:{'|'.join(wholes)})"
    return f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)" if has_fraction else whole


def _grouped(mark: str, locale: str) -> str:
    last, others = grouping_sizes(locale)
    first = f"[1-9][0-9]{{0,{others - 1}}}"  # a first group of zeros would be a decimal fraction such as 0.500
    return f"{first}(?:{mark}[0-9]{{{others}}})*{mark}[0-9]{{{last}}}"


def _marks(dialect: Dialect) -> list[str]:
    """A regular expression for each mark between groups; every blank stands for all."""
    blank = [BLANK] if any(mark.isspace() for mark in dialect.grouping) else []
    return blank + [_escaped(mark) for mark in dialect.grouping if not mark.isspace()]


def _currencies(dialect: Dialect) -> str:
    return f"(?i:{'|'.join(map(_escaped, dialect.currency))})" if dialect.currency else ""


def _escaped(text: str) -> str:
    return re.sub(r"\W", lambda found: rf"\x{{{ord(found[0]):X}}}", text)


def _plain(dialect: Dialect, text: str) -> str:
    """The plain number of a text that has the form."""
    value = text
    affixes = [part for part in (_currencies(dialect), "%" if dialect.percent is not Percent.NONE else "") if part]
    if affixes:
        affix = f"(?:{'|'.join(affixes)})"
        value = f"regexp_replace({value}, {literal(f'^([(+-]?){BLANK}*{affix}{BLANK}*')}, {literal(FIRST_GROUP)})"
        value = f"regexp_replace({value}, {literal(f'{BLANK}*{affix}([)-]?)$')}, {literal(FIRST_GROUP)})"
    bare = value
    if set(dialect.negative) != {Negative.MINUS} or affixes:
        is_negative = f"left({bare}, 1) IN ('-', '(') OR substr({bare}, length({bare}), 1) = '-'"
        value = f"CASE WHEN {is_negative} THEN '-' ELSE '' END || trim({bare}, '+-()')"
    for mark in dialect.grouping:
        for one in BLANKS_INSIDE if mark.isspace() else (mark,):
            value = f"replace({value}, {literal(one)}, '')"
    value = f"replace({value}, ',', '.')" if dialect.decimal == "," else value
    if dialect.percent is Percent.DIVIDE:
        value = f"CASE WHEN contains({text}, '%') THEN {_hundredth(value)} ELSE {value} END"
    return value


def _hundredth(number: str) -> str:
    """A plain number without an exponent, its point moved by two digits."""
    longer = f"regexp_replace({number}, '^(-?)', {literal(LONGER)})"
    return f"regexp_replace({longer}, {literal(LAST_TWO)}, {literal(MOVED)})"
