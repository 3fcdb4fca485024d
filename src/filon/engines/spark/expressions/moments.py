"""Intervals and time zones."""

from __future__ import annotations

import zoneinfo

from sqlglot import exp

from filon.engines.spark.expressions.speller import Expressions, Speller
from filon.engines.spark.terms import Term, Unspellable, quoted, require
from filon.engines.spark.types import INTEGER, INTERVAL, TEXT, TIMESTAMP, TIMESTAMPTZ

MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "DECADE": 120, "CENTURY": 1200, "MILLENNIUM": 12000}
MICROSECONDS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
    "WEEK": 604_800_000_000,
}


def _interval(speller: Speller, node: exp.Expr) -> Term:
    unit = node.args.get("unit")
    number = node.this
    digits = number.name if isinstance(number, exp.Literal) else ""
    if unit is None or not digits.lstrip("-").isdigit():
        if unit is not None and number is not None:
            inner = number.this if isinstance(number, exp.Paren) else number
            return interval(speller.term(inner), unit.name.upper().removesuffix("S"))
        raise Unspellable("an interval is a whole number and one unit on Spark, such as INTERVAL 30 DAY")
    return interval(Term(digits, INTEGER, number=digits), unit.name.upper().removesuffix("S"))


def interval(count: Term, unit: str) -> Term:
    """So many of a unit of time."""
    require(count, "a whole number", fits=count.type.is_whole)
    unit = {"CENTURIE": "CENTURY", "MILLENNIA": "MILLENNIUM"}.get(unit, unit)
    if unit in MONTHS:
        return Term(f"make_ym_interval(0, CAST({count.sql} AS INT) * {MONTHS[unit]})", INTERVAL)
    if unit not in MICROSECONDS:
        raise Unspellable(f"Spark has no interval of {unit}")
    for whole, place in (("DAY", 0), ("HOUR", 1), ("MINUTE", 2)):
        if MICROSECONDS[unit] % MICROSECONDS[whole] == 0:
            size = MICROSECONDS[unit] // MICROSECONDS[whole]
            given = ["0"] * place + [f"CAST({count.sql} AS INT) * {size}"]
            return Term(f"make_dt_interval({', '.join(given)})", INTERVAL)
    size = MICROSECONDS[unit]
    seconds = f"CAST(CAST({count.sql} AS BIGINT) * {size} AS DECIMAL(20,0)) * CAST(0.000001 AS DECIMAL(7,6))"
    return Term(f"make_dt_interval(0, 0, 0, CAST({seconds} AS DECIMAL(18,6)))", INTERVAL)


def _time_zone(speller: Speller, node: exp.Expr) -> Term:
    return at_zone(speller.term(node.this), speller.term(node.args["zone"]), trying=speller.trying)


def at_zone(moment: Term, zone: Term, *, trying: bool) -> Term:
    """A local time as a moment, or a moment as a local time of a zone."""
    require(zone, "the name of a time zone", fits=zone.type == TEXT)
    require(moment, "a timestamp", fits=moment.type.is_moment)
    known = _zone(zone, trying=trying)
    if moment.type == TIMESTAMPTZ:
        local = f"CAST(from_utc_timestamp({moment.sql}, {known}) AS TIMESTAMP_NTZ)"
        return Term(local, TIMESTAMP, tried=trying)
    local = f"CAST({moment.sql} AS TIMESTAMP)"
    first = f"to_utc_timestamp({local}, {known})"
    day = "make_dt_interval(1)"
    # of two moments with one local time, the later one; a day later, the offset is the one after any change
    later = f"(to_utc_timestamp({local} + {day}, {known}) - {day})"
    chosen = f"if(from_utc_timestamp({later}, {known}) = {local} AND {later} > {first}, {later}, {first})"
    return Term(chosen if zone.text not in ("UTC", "GMT") else local, TIMESTAMPTZ, tried=trying)


def _zone(zone: Term, *, trying: bool) -> str:
    """The name of a time zone as Spark reads it, which asks for the right case."""
    names = {each.casefold(): each for each in zoneinfo.available_timezones()}
    if zone.text is not None and zone.text.casefold() in names:
        return quoted(names[zone.text.casefold()])
    if not trying:
        return zone.sql
    listed = sorted(names.items())
    known, spelled = (", ".join(quoted(pair[side]) for pair in listed) for side in (0, 1))
    return f"try_element_at(map_from_arrays(array({known}), array({spelled})), lower({zone.sql}))"


MOMENTS: Expressions = {
    exp.Interval: _interval,
    exp.AtTimeZone: _time_zone,
}
