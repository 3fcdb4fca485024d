"""Functions of dates and times."""

from __future__ import annotations

from filon.engines.spark import operators
from filon.engines.spark.casts import cast
from filon.engines.spark.expressions import Call, Spelling, at_zone, interval
from filon.engines.spark.functions.formats import formatted, parsed
from filon.engines.spark.functions.forms import Form, form, forms
from filon.engines.spark.terms import Term, Unspellable, require, text_term
from filon.engines.spark.types import (
    BIGINT,
    DATE,
    DOUBLE,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
)

SECONDS = "CAST(extract(SECOND FROM {0}) * 1000000 AS BIGINT)"
WHOLE_PARTS = {
    "year": "year({0})",
    "month": "month({0})",
    "day": "day({0})",
    "quarter": "quarter({0})",
    "week": "weekofyear({0})",
    "isodow": "(weekday({0}) + 1)",
    "dow": "((weekday({0}) + 1) % 7)",
    "doy": "dayofyear({0})",
    "isoyear": "extract(YEAROFWEEK FROM {0})",
    "hour": "hour({0})",
    "minute": "minute({0})",
    "second": "second({0})",
    "millisecond": f"(({SECONDS}) div 1000)",
    "microsecond": f"({SECONDS})",
    "decade": "(year({0}) div 10)",
    "century": "((year({0}) + 99) div 100)",
    "millennium": "((year({0}) + 999) div 1000)",
    "yearweek": "(extract(YEAROFWEEK FROM {0}) * 100 + weekofyear({0}))",
    "era": "if(year({0}) IS NULL, NULL, if(year({0}) > 0, 1, 0))",
}
ALIASES = {
    "years": "year", "y": "year", "months": "month", "mon": "month", "days": "day", "d": "day", "dayofmonth": "day",
    "quarters": "quarter", "weeks": "week", "w": "week", "weekofyear": "week", "dayofweek": "dow", "weekday": "dow",
    "dayofyear": "doy", "hours": "hour", "h": "hour", "minutes": "minute", "m": "minute", "seconds": "second",
    "s": "second", "milliseconds": "millisecond", "ms": "millisecond", "microseconds": "microsecond",
    "us": "microsecond", "decades": "decade", "centuries": "century", "millennia": "millennium",
}  # fmt: skip
OF_TIME = ("hour", "minute", "second", "millisecond", "microsecond")
TRUNCATED = ("year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond")
DAY = 86_400_000_000
SIZES = {
    "microsecond": 1, "millisecond": 1_000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000,
    "day": DAY, "week": 7 * DAY,
}  # fmt: skip
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _unit(call: Call, index: int = 0) -> str:
    word = call.literal(index, "the part").lower()
    return ALIASES.get(word, word)


def _moment(term: Term) -> Term:
    return require(term, "a date or a timestamp", fits=term.type.is_moment)


def _local(term: Term) -> Term:
    """A timestamp without a time zone, of which parts and distances are taken; sessions are in UTC."""
    return _moment(term).cast(TIMESTAMP)


def micros(term: Term) -> str:
    """Microseconds since 1970 in UTC."""
    return f"unix_micros({_moment(term).cast(TIMESTAMPTZ).sql})"


def part(unit: str, moment: Term) -> Term:
    """A part of a date or timestamp, as a whole number."""
    if unit == "epoch":
        return Term(f"(CAST({micros(moment)} AS DOUBLE) / 1e6D)", DOUBLE, tried=moment.tried)
    if unit not in WHOLE_PARTS:
        raise Unspellable(f"Spark cannot take the part {unit} of a date")
    _moment(moment)
    sql = WHOLE_PARTS[unit].format(moment.sql) if not (moment.type == DATE and unit in OF_TIME) else "0"
    if sql == "0":
        sql = f"if({moment.sql} IS NULL, NULL, 0)"
    return Term(f"CAST({sql} AS BIGINT)", BIGINT, tried=moment.tried)


def _part(call: Call) -> Term:
    call.take(2)
    return part(_unit(call), call.terms[1])


def _of(unit: str) -> Spelling:
    return lambda call: part(unit, call.take(1)[0])


def _truncated(call: Call) -> Term:
    call.take(2)
    unit, moment = _unit(call), _moment(call.terms[1])
    if unit not in TRUNCATED:
        raise Unspellable(f"Spark cannot cut a date to its {unit}")
    kind = TIMESTAMPTZ if moment.type == TIMESTAMPTZ else TIMESTAMP
    whole = f"date_trunc('{unit}', {moment.cast(TIMESTAMPTZ).sql})"
    return Term(f"CAST({whole} AS {kind.spark})", kind, tried=moment.tried)


def _months(moment: Term) -> str:
    return f"(year({moment.sql}) * 12 + month({moment.sql}))"


def _boundaries(call: Call) -> Term:
    """How many boundaries of a unit lie between two moments."""
    call.take(3)
    unit, first, last = _unit(call), _local(call.terms[1]), _local(call.terms[2])
    if unit in MONTHS:
        first_place, last_place = (f"(({_months(term)} - 1) div {MONTHS[unit]})" for term in (first, last))
    elif unit in SIZES and unit != "week":
        size = SIZES[unit]
        first_place, last_place = (
            f"CAST(floor(CAST({micros(term)} AS DECIMAL(20,0)) / {size}) AS BIGINT)" for term in (first, last)
        )
    else:
        raise Unspellable(f"Spark cannot count the {unit}s between two dates")
    return Term(f"CAST({last_place} - {first_place} AS BIGINT)", BIGINT, tried=first.tried or last.tried)


def _complete(call: Call) -> Term:
    """How many whole units lie between two moments."""
    call.take(3)
    unit, first, last = _unit(call), _local(call.terms[1]), _local(call.terms[2])
    if unit in MONTHS:
        months = f"({_months(last)} - {_months(first)})"
        reached = f"{first.sql} + make_ym_interval(0, {months})"
        beyond = (
            f"CASE WHEN {last.sql} >= {first.sql} AND {reached} > {last.sql} THEN 1 "
            f"WHEN {last.sql} < {first.sql} AND {reached} < {last.sql} THEN -1 ELSE 0 END"
        )
        whole = f"(({months} - {beyond}) div {MONTHS[unit]})"
    elif unit in SIZES:
        whole = f"(({micros(last)} - {micros(first)}) div {SIZES[unit]}L)"
    else:
        raise Unspellable(f"Spark cannot count the {unit}s between two dates")
    return Term(f"CAST({whole} AS BIGINT)", BIGINT, tried=first.tried or last.tried)


def _strftime(call: Call) -> Term:
    call.take(2)
    if call.terms[0].text is not None and call.terms[1].text is None:
        call = Call(call.name, call.terms[::-1], call.speller)
    moment = _moment(call.terms[0])
    return Term(formatted(moment.sql, call.literal(1, "the format"), moment.type), TEXT, tried=moment.tried)


def _parse(call: Call) -> Term:
    call.take(2)
    value = require(call.terms[0], "a text", fits=call.terms[0].type == TEXT)
    return Term(parsed(value.sql, call.literal(1, "the format")), TIMESTAMP, tried=value.tried)


def _strptime(call: Call) -> Term:
    found = _parse(call)
    if call.trying:
        return Term(found.sql, TIMESTAMP, tried=True)
    value = call.terms[0].sql
    failed = f"{value} IS NOT NULL AND {found.sql} IS NULL"
    return Term(f"if({failed}, raise_error('a text is no date of the format'), {found.sql})", TIMESTAMP)


def _add_interval(call: Call) -> Term:
    return operators.apply("Add", *call.take(2), trying=call.trying)


def _timezone(call: Call) -> Term:
    zone, moment = call.take(2)
    return at_zone(moment, zone, trying=call.trying)


def _from_zone(call: Call) -> Term:
    moment, zone = call.take(2)
    require(moment, "a local time", fits=moment.type in (TIMESTAMP, DATE))
    return at_zone(moment.cast(TIMESTAMP), zone, trying=call.trying)


def local_date(call: Call) -> Term:
    """The day of a moment in the project's time zone."""
    [moment] = call.take(1)
    require(moment, "a timestamp", fits=moment.type == TIMESTAMPTZ)
    local = at_zone(moment.cast(TIMESTAMPTZ), text_term(call.speller.facts.timezone, TEXT), trying=False)
    return cast(local, DATE)


def _interval(unit: str) -> Spelling:
    return lambda call: interval(call.take(1)[0], unit)


def _last_day(call: Call) -> Term:
    [moment] = call.take(1)
    return Term(f"last_day({_moment(moment).cast(DATE).sql})", DATE, tried=moment.tried)


def _dayname(call: Call) -> Term:
    [moment] = call.take(1)
    letter = "%A" if call.name == "dayname" else "%B"
    return Term(formatted(_moment(moment).sql, letter, moment.type), TEXT, tried=moment.tried)


_EPOCH_MICROS = form("M", BIGINT, "unix_micros(CAST({0} AS TIMESTAMP))")

DATES: dict[str, Spelling] = {
    **dict.fromkeys(("date_part", "datepart", "extract"), _part),
    **{name: _of(ALIASES.get(name, name)) for name in (*WHOLE_PARTS, "dayofmonth", "dayofweek", "weekday", "dayofyear",
                                                      "weekofyear") if name not in ("dow", "doy")},
    "epoch": _of("epoch"),
    **dict.fromkeys(("date_trunc", "datetrunc"), _truncated),
    **dict.fromkeys(("date_diff", "datediff"), _boundaries),
    **dict.fromkeys(("date_sub", "datesub"), _complete),
    "date_add": _add_interval,
    "strftime": _strftime,
    "strptime": _strptime,
    **dict.fromkeys(("try_strptime", "parse_timestamp"), _parse),
    "timezone": _timezone,
    "from_zone": _from_zone,
    "local_date": local_date,
    **dict.fromkeys(("epoch_us", "unix_micros"), _EPOCH_MICROS),
    "epoch_ms": form("M", BIGINT, "unix_millis(CAST({0} AS TIMESTAMP))"),
    "epoch_ns": form("M", BIGINT, "(unix_micros(CAST({0} AS TIMESTAMP)) * 1000L)"),
    "nanosecond": form("M", BIGINT, f"(CAST({SECONDS} AS BIGINT) * 1000L)"),
    "last_day": _last_day,
    "days_in_month": form("M", BIGINT, "CAST(day(last_day({0})) AS BIGINT)"),
    **dict.fromkeys(("dayname", "monthname"), _dayname),
    "make_date": form("III", DATE, "make_date(CAST({0} AS INT), CAST({1} AS INT), CAST({2} AS INT))"),
    "make_timestamp": forms(
        Form(
            "IIIIIN",
            TIMESTAMP,
            "make_timestamp_ntz(CAST({0} AS INT), CAST({1} AS INT), CAST({2} AS INT), CAST({3} AS INT), "
            "CAST({4} AS INT), CAST({5} AS DECIMAL(16,6)))",
        ),
        Form("I", TIMESTAMP, "CAST(timestamp_micros({0}) AS TIMESTAMP_NTZ)"),
    ),
    "make_timestamp_ms": form("I", TIMESTAMP, "CAST(timestamp_millis({0}) AS TIMESTAMP_NTZ)"),
    "to_timestamp": form("D", TIMESTAMPTZ, "timestamp_micros(CAST(rint({0} * 1e6D) AS BIGINT))"),
    "timezone_hour": form("M", BIGINT, "CAST(if({0} IS NULL, NULL, 0) AS BIGINT)"),
    "timezone_minute": form("M", BIGINT, "CAST(if({0} IS NULL, NULL, 0) AS BIGINT)"),
    **{
        f"to_{unit}": _interval(name)
        for unit, name in (
            ("days", "DAY"), ("weeks", "WEEK"), ("hours", "HOUR"), ("minutes", "MINUTE"), ("months", "MONTH"),
            ("quarters", "QUARTER"), ("years", "YEAR"), ("decades", "DECADE"), ("centuries", "CENTURY"),
            ("millennia", "MILLENNIUM"), ("microseconds", "MICROSECOND"), ("milliseconds", "MILLISECOND"),
            ("seconds", "SECOND"),
        )
    },
}  # fmt: skip
