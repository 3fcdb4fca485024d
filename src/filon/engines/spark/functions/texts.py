"""Functions of texts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from filon.engines.spark.casts import cast
from filon.engines.spark.expressions import Call, Spelling
from filon.engines.spark.functions.forms import Form, form, forms
from filon.engines.spark.regexes import replacement_to_java, to_java
from filon.engines.spark.terms import Term, Unspellable, quoted, require
from filon.engines.spark.types import BIGINT, BLOB, BOOLEAN, INTEGER, TEXT, list_of

LAST_LETTER, FIRST_PLACE = 0x20000, 0x10FF00
LOWER_FROM, LOWER_TO = "İ\u03a3", "i\u03c3"
BEYOND_ASCII = quoted(r"[^\x00-\x7F]")
BEYOND_LATIN = quoted(r"[^\x00-\x{2FF}]")
MARKS = quoted(r"\p{M}")
NORMALIZER = "'com.ibm.icu.text.Normalizer'"
TEXT_LIST = list_of(TEXT)


@cache
def _longer() -> tuple[str, str, str]:
    """Letters whose upper case is several for Spark, what stands for each meanwhile, and the upper case of DuckDB."""
    letters = [letter for letter in map(chr, range(LAST_LETTER)) if len(letter.upper()) > 1]
    places = "".join(chr(FIRST_PLACE + place) for place in range(len(letters)))
    single = {letter: letter.title() if len(letter.title()) == 1 else letter for letter in letters} | {"ß": "ẞ"}
    return "".join(letters), places, "".join(single[letter] for letter in letters)


def upper(text: str) -> str:
    """Each letter in upper case, which is one letter again."""
    letters, places, single = _longer()
    apart = f"translate(upper(translate({text}, '{letters}', '{places}')), '{places}', '{single}')"
    return f"(CASE WHEN {text} RLIKE '[{letters}]' THEN {apart} ELSE upper({text}) END)"


def lower(text: str) -> str:
    """Each letter in lower case, which is one letter again, whatever stands beside it."""
    return f"lower(translate({text}, '{LOWER_FROM}', '{LOWER_TO}'))"


def nfc(text: str) -> str:
    """Spark has no function for it, but the library that its collations need; most texts do not need that."""
    return f"(CASE WHEN {text} RLIKE {BEYOND_LATIN} THEN {_composed(text)} ELSE {text} END)"


def _composed(text: str) -> str:
    return f"reflect({NORMALIZER}, 'compose', {text}, false)"


def _without_accents(text: str) -> str:
    apart = f"reflect({NORMALIZER}, 'decompose', {text}, false)"
    bare = _composed(f"regexp_replace({apart}, {MARKS}, '')")
    return f"(CASE WHEN {text} RLIKE {BEYOND_ASCII} THEN {bare} ELSE {text} END)"


def _through(spell: Callable[[str], str]) -> Spelling:
    def spelling(call: Call) -> Term:
        [value] = call.take(1)
        value = cast(require(value, "a text", fits=value.type == TEXT), TEXT)
        return Term(spell(value.sql), TEXT, tried=value.tried)

    return spelling


def _chr(call: Call) -> Term:
    [code] = call.take(1)
    if code.number is not None:
        return Term(quoted(chr(int(code.number))), TEXT, text=chr(int(code.number)))
    require(code, "a whole number", fits=code.type.is_whole)
    return Term(f"decode(unhex(lpad(hex(CAST({code.sql} AS BIGINT)), 8, '0')), 'UTF-32')", TEXT, tried=code.tried)


def _concat(call: Call) -> Term:
    """Nulls are left out."""
    parts = [cast(term, TEXT) for term in call.terms]
    call.speller.settled(*parts)
    given = [f"coalesce({part.sql}, '')" for part in parts]
    return Term(f"concat({', '.join(given)})", TEXT)


def _concat_ws(call: Call) -> Term:
    parts = [cast(term, TEXT) for term in call.terms]
    call.speller.settled(*parts)
    return Term(f"concat_ws({', '.join(part.sql for part in parts)})", TEXT)


def _substr(call: Call) -> Term:
    value, start, *length = call.take(2, 3)
    require(value, "a text", fits=value.type == TEXT)
    for term in (start, *length):
        require(term, "a whole number", fits=term.type.is_whole)
    tried = any(term.tried for term in call.terms)
    size = [f"CAST({term.sql} AS INT)" if term.type != INTEGER else term.sql for term in length]
    first = f"CAST({start.sql} AS INT)" if start.type != INTEGER else start.sql
    if length and length[0].number is not None and int(length[0].number) < 0:
        raise Unspellable("substr with a negative length is not available on Spark")
    plain = f"substr({', '.join([value.sql, first, *size])})"
    if start.number is not None and int(start.number) != 0:
        return Term(plain, TEXT, tried=tried)
    if not size:
        return Term(plain, TEXT, tried=tried)
    # before the first letter is a place that takes part in the length
    at_zero = f"substr({value.sql}, 1, greatest({size[0]} - 1, 0))"
    return Term(f"(CASE WHEN {first} = 0 THEN {at_zero} ELSE {plain} END)", TEXT, tried=tried)


def _left_right(call: Call) -> Term:
    value, count = call.take(2)
    require(value, "a text", fits=value.type == TEXT)
    if count.number is None or int(count.number) < 0:
        raise Unspellable(f"{call.name} needs a literal number of letters on Spark, from 0")
    return Term(f"{call.name}({value.sql}, {count.number})", TEXT, tried=value.tried)


def _trim(call: Call) -> Term:
    value, *chars = call.take(1, 2)
    require(value, "a text", fits=value.type == TEXT)
    side = {"trim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}[call.name]
    what = chars[0].sql if chars else "' '"
    return Term(f"trim({side} {what} FROM {value.sql})", TEXT, tried=value.tried)


def _pattern(call: Call, index: int) -> str:
    return to_java(call.literal(index, "the regular expression"))


def _options(call: Call, index: int, known: str) -> str:
    options = call.literal(index, "the options") if len(call.terms) > index else ""
    if set(options) - set(known):
        raise Unspellable(f"{call.name} has an option of {options!r} that is not available on Spark")
    return options


def _flagged(pattern: str, options: str) -> str:
    return f"(?iu){pattern}" if "i" in options else pattern


def _text(call: Call, index: int = 0) -> Term:
    return require(call.terms[index], "a text", fits=call.terms[index].type == TEXT)


def _full_match(call: Call) -> Term:
    call.take(2, 3)
    value = _text(call)
    form_ = _flagged(rf"\A(?:{_pattern(call, 1)})\z", _options(call, 2, "ic"))
    return Term(f"({value.sql} RLIKE {quoted(form_)})", BOOLEAN, tried=value.tried)


def _matches(call: Call) -> Term:
    call.take(2, 3)
    value = _text(call)
    form_ = _flagged(_pattern(call, 1), _options(call, 2, "ic"))
    return Term(f"({value.sql} RLIKE {quoted(form_)})", BOOLEAN, tried=value.tried)


def _regexp_replace(call: Call) -> Term:
    call.take(3, 4)
    value, options = _text(call), _options(call, 3, "gic")
    pattern = _flagged(_pattern(call, 1), options)
    new = call.literal(2, "the replacement")
    if "g" in options or pattern.startswith(("^", "(?d)^")):
        sql = f"regexp_replace({value.sql}, {quoted(pattern)}, {quoted(replacement_to_java(new))})"
        return Term(sql, TEXT, tried=value.tried)
    # the first match alone: what stands before it is taken along
    moved = replacement_to_java(_moved(new))
    first = rf"\A((?s:.*?))(?:{pattern})"
    return Term(f"regexp_replace({value.sql}, {quoted(first)}, {quoted('$1' + moved)})", TEXT, tried=value.tried)


def _moved(replacement: str) -> str:
    """A replacement whose groups are numbered one higher."""
    parts, index = [], 0
    while index < len(replacement):
        if replacement[index] == "\\" and replacement[index + 1 : index + 2].isdigit():
            group = int(replacement[index + 1]) + 1
            if group > 9 or group == 1:
                raise Unspellable(f"the replacement {replacement!r} names the whole match or a ninth group")
            parts.append(f"\\{group}")
            index += 2
        elif replacement[index] == "\\":
            parts.append(replacement[index : index + 2])
            index += 2
        else:
            parts.append(replacement[index])
            index += 1
    return "".join(parts)


def _regexp_extract(call: Call) -> Term:
    call.take(2, 4)
    value = _text(call)
    group = 0
    if len(call.terms) > 2:
        if call.terms[2].number is None:
            raise Unspellable("regexp_extract needs the number of a group as a literal on Spark")
        group = int(call.terms[2].number)
    pattern = _flagged(_pattern(call, 1), _options(call, 3, "ic"))
    return Term(f"regexp_extract({value.sql}, {quoted(pattern)}, {group})", TEXT, tried=value.tried)


def _regexp_extract_all(call: Call) -> Term:
    call.take(2)
    value = _text(call)
    return Term(f"regexp_extract_all({value.sql}, {quoted(_pattern(call, 1))}, 0)", TEXT_LIST, tried=value.tried)


def _split(call: Call) -> Term:
    """At each separator, which is no pattern."""
    call.take(2)
    value, separator = _text(call), _text(call, 1)
    if separator.text is None:
        pattern = f"concat('\\\\Q', replace({separator.sql}, '\\\\E', '\\\\E\\\\\\\\E\\\\Q'), '\\\\E')"
    elif not separator.text:
        raise Unspellable(f"{call.name} needs a separator on Spark")
    else:
        pattern = quoted("".join(rf"\x{{{ord(letter):X}}}" for letter in separator.text))
    return Term(f"split({value.sql}, {pattern})", TEXT_LIST, tried=value.tried)


def _split_regex(call: Call) -> Term:
    call.take(2)
    value = _text(call)
    return Term(f"split({value.sql}, {quoted(_pattern(call, 1))})", TEXT_LIST, tried=value.tried)


def _format(call: Call) -> Term:
    pieces = call.literal(0, "the format").split("{}")
    if any("{" in piece or "}" in piece for piece in pieces) or len(pieces) != len(call.terms):
        raise Unspellable("format knows only {} on Spark, once for each value")
    parts = [quoted(pieces[0])]
    for term, piece in zip(call.terms[1:], pieces[1:], strict=True):
        parts += [cast(term, TEXT).sql, quoted(piece)]
    return Term(f"concat({', '.join(parts)})", TEXT, tried=any(term.tried for term in call.terms))


def _md5(function: str) -> Spelling:
    return forms(Form("T", TEXT, function), Form("X", TEXT, function))


_LENGTH = forms(Form("T", BIGINT, "CAST(length({0}) AS BIGINT)"), Form("L", BIGINT, "CAST(size({0}) AS BIGINT)"))
_POSITION = form("TT", BIGINT, "CAST(instr({0}, {1}) AS BIGINT)")
_CODE = form("T", INTEGER, "coalesce(if({0} = '', 0, NULL), ascii({0}))")
_UNICODE = form("T", INTEGER, "if({0} = '', -1, ascii({0}))")
_BYTES = form("T", BLOB, "encode({0}, 'UTF-8')")
_TEXT_OF_BYTES = form("X", TEXT, "decode({0}, 'UTF-8')")
_BASE64 = form("X", TEXT, "replace(base64({0}), '\r\n', '')")
_FROM_HEX = form("T", BLOB, "unhex({0})")
_HEX = forms(Form("T", TEXT, "hex({0})"), Form("X", TEXT, "hex({0})"), Form("I", TEXT, "hex({0})"))

TEXTS: dict[str, Spelling] = {
    "ascii": _CODE,
    "base64": _BASE64,
    "bin": form("I", TEXT, "bin({0})"),
    "bit_length": form("T", BIGINT, "CAST(bit_length({0}) AS BIGINT)"),
    **dict.fromkeys(("char_length", "character_length", "length", "len"), _LENGTH),
    "chr": _chr,
    "concat": _concat,
    "concat_ws": _concat_ws,
    "contains": form("TT", BOOLEAN, "contains({0}, {1})"),
    "decode": _TEXT_OF_BYTES,
    "encode": _BYTES,
    **dict.fromkeys(("ends_with", "suffix"), form("TT", BOOLEAN, "endswith({0}, {1})")),
    **dict.fromkeys(("starts_with", "prefix"), form("TT", BOOLEAN, "startswith({0}, {1})")),
    "format": _format,
    "from_base64": form("T", BLOB, "unbase64({0})"),
    **dict.fromkeys(("from_hex", "unhex"), _FROM_HEX),
    **dict.fromkeys(("hex", "to_hex"), _HEX),
    **dict.fromkeys(("instr", "strpos", "position"), _POSITION),
    **dict.fromkeys(("lcase", "lower"), _through(lower)),
    **dict.fromkeys(("ucase", "upper"), _through(upper)),
    **dict.fromkeys(("left", "right"), _left_right),
    "lpad": form("TIT", TEXT, "lpad({0}, CAST({1} AS INT), {2})"),
    "rpad": form("TIT", TEXT, "rpad({0}, CAST({1} AS INT), {2})"),
    **dict.fromkeys(("trim", "ltrim", "rtrim"), _trim),
    "md5": _md5("md5({0})"),
    "sha1": _md5("sha1({0})"),
    "sha256": _md5("sha2({0}, 256)"),
    **dict.fromkeys(("nfc_normalize", "nfc"), _through(nfc)),
    "octet_length": forms(
        Form("X", BIGINT, "CAST(octet_length({0}) AS BIGINT)"), Form("T", BIGINT, "CAST(octet_length({0}) AS BIGINT)")
    ),
    **dict.fromkeys(("ord", "unicode"), _UNICODE),
    "regexp_extract": _regexp_extract,
    "regexp_extract_all": _regexp_extract_all,
    "regexp_full_match": _full_match,
    "regexp_matches": _matches,
    "regexp_replace": _regexp_replace,
    **dict.fromkeys(("regexp_split_to_array", "str_split_regex", "string_split_regex"), _split_regex),
    "repeat": form("TI", TEXT, "repeat({0}, CAST({1} AS INT))"),
    "replace": form("TTT", TEXT, "replace({0}, {1}, {2})"),
    "reverse": form("T", TEXT, "reverse({0})"),
    **dict.fromkeys(("split", "str_split", "string_split", "string_to_array"), _split),
    "split_part": form("TTI", TEXT, "split_part({0}, {1}, CAST({2} AS INT))"),
    "strip_accents": _through(_without_accents),
    "strlen": form("T", BIGINT, "CAST(octet_length({0}) AS BIGINT)"),
    **dict.fromkeys(("substr", "substring"), _substr),
    "to_base64": _BASE64,
    "translate": form("TTT", TEXT, "translate({0}, {1}, {2})"),
}
