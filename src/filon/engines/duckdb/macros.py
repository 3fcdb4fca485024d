"""The functions of ``docs/sql.md`` beyond common SQL, as DuckDB spells them.

Rounding is half away from zero and exact: no binary floating point is involved.
"""

from __future__ import annotations

from collections.abc import Sequence

from filon.engines.duckdb.lock import SYSTEM
from filon.engines.functions import day_names, month_names
from filon.sql import literal, literals

# numerator and denominator as whole numbers of millionths, so that the division is one of integers
_MILLIONTHS = "CAST(CAST({0} AS DECIMAL(38,6)) * 1000000 AS HUGEINT)"
_NUMERATOR = _MILLIONTHS.format("numerator")
_DENOMINATOR = _MILLIONTHS.format("denominator")


def macros(locale: str, timezone: str, as_of: str) -> list[str]:
    """Statements that define the functions.

    Args:
        locale: of the names of days and months, such as ``fr``
        timezone: of local dates, such as ``Europe/Paris``
        as_of: the run's date, as ISO 8601 spells it

    """
    days, months = day_names(locale), month_names(locale)
    words = r"regexp_extract_all(value, '[ \t\n\v\f\r\x{A0}]+|[^ \t\n\v\f\r\x{A0}]+')"
    capitalised = f"list_transform({words}, lambda word: upper(word[1]) || lower(word[2:]))"
    hundredths = f"(200 * abs({_NUMERATOR}) + abs({_DENOMINATOR})) // (2 * abs({_DENOMINATOR}))"
    signed = f"sign({_NUMERATOR}) * sign({_DENOMINATOR}) * ({hundredths})"
    definitions = {
        "attempt(value)": "TRY(value)",
        "as_of()": f"CAST({literal(as_of)} AS DATE)",
        "day_name(day)": f"([{literals(days)}])[isodow(day)]",
        "month_name(day)": f"([{literals(months)}])[month(day)]",
        "local_date(moment)": f"CAST(timezone({literal(timezone)}, moment) AS DATE)",
        "nfc(value)": "nfc_normalize(value)",
        "title_case(value)": f"array_to_string({capitalised}, '')",
        "parse_timestamp(value, format)": "try_strptime(value, format)",
        "from_zone(moment, zone)": "timezone(zone, moment)",
        "unscaled(value)": "CAST(replace(CAST(value AS VARCHAR), '.', '') AS HUGEINT)",
        "unix_micros(moment)": "epoch_us(moment)",
        "surrogate_key(natural_key)": "CAST('0x' || substr(md5(CAST(natural_key AS VARCHAR)), 1, 13) AS BIGINT)",
        "ratio(numerator, denominator)": (
            f"CASE WHEN denominator <> 0 THEN CAST({signed} AS DECIMAL(36,0)) * CAST(0.01 AS DECIMAL(2,2)) END"
        ),
    }
    return [f"CREATE OR REPLACE TEMP MACRO {name} AS {body}" for name, body in definitions.items()]


def timezone_macro(zones: Sequence[str]) -> str:
    """A statement that hides DuckDB's ``timezone``, whose error for an unknown zone TRY does not catch: a cast fails.

    Args:
        zones: the time zones that DuckDB knows, in lower case

    """
    unknown = "CAST(CAST('no time zone: ' || zone AS INTEGER) AS VARCHAR)"
    known = f"CASE WHEN zone IS NULL OR list_contains([{literals(zones)}], lower(zone)) THEN zone ELSE {unknown} END"
    return (
        "CREATE OR REPLACE TEMP MACRO "
        f"timezone(zone VARCHAR, moment) AS {SYSTEM}.timezone({known}, moment), (moment) AS {SYSTEM}.timezone(moment)"
    )
