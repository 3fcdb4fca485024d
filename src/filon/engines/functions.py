"""The functions that models may use on every engine, beyond common SQL; ``docs/sql.md`` is the user's list.

Each engine spells them in its own way. Rounding is half away from zero and exact: no binary floating point is involved.
"""

from __future__ import annotations

from babel import Locale

from filon.sql import literal, literals

# numerator and denominator as whole numbers of millionths, so that the division is one of integers
_MILLIONTHS = "CAST(CAST({0} AS DECIMAL(38,6)) * 1000000 AS HUGEINT)"
_NUMERATOR = _MILLIONTHS.format("numerator")
_DENOMINATOR = _MILLIONTHS.format("denominator")


def duckdb_macros(locale: str, as_of: str) -> list[str]:
    """Statements that define the functions in DuckDB."""
    days, months = day_names(locale), month_names(locale)
    return [
        f"CREATE OR REPLACE TEMP MACRO as_of() AS CAST({literal(as_of)} AS DATE)",
        f"CREATE OR REPLACE TEMP MACRO day_name(day) AS ([{literals(days)}])[isodow(day)]",
        f"CREATE OR REPLACE TEMP MACRO month_name(day) AS ([{literals(months)}])[month(day)]",
        "CREATE OR REPLACE TEMP MACRO nfc(value) AS nfc_normalize(value)",
        "CREATE OR REPLACE TEMP MACRO title_case(value) AS array_to_string(list_transform("
        r"regexp_extract_all(value, '\s+|\S+'), lambda word: upper(word[1]) || lower(word[2:])), '')",
        "CREATE OR REPLACE TEMP MACRO parse_timestamp(value, format) AS try_strptime(value, format)",
        "CREATE OR REPLACE TEMP MACRO in_zone(moment, zone) AS timezone(zone, moment)",
        "CREATE OR REPLACE TEMP MACRO surrogate_key(natural_key) AS "
        "CAST('0x' || substr(md5(CAST(natural_key AS VARCHAR)), 1, 13) AS BIGINT)",
        f"CREATE OR REPLACE TEMP MACRO ratio(numerator, denominator) AS CASE WHEN denominator <> 0 THEN "
        f"CAST(sign({_NUMERATOR}) * sign({_DENOMINATOR}) "
        f"* ((200 * abs({_NUMERATOR}) + abs({_DENOMINATOR})) // (2 * abs({_DENOMINATOR}))) AS DECIMAL(36,0)) "
        "* CAST(0.01 AS DECIMAL(2,2)) END",
    ]


def day_names(locale: str) -> list[str]:
    """Names of the days in a locale, Monday first."""
    names = Locale.parse(locale).days["stand-alone"]["wide"]
    return [names[day] for day in range(7)]


def month_names(locale: str) -> list[str]:
    """Names of the months in a locale, January first."""
    names = Locale.parse(locale).months["stand-alone"]["wide"]
    return [names[month] for month in range(1, 13)]
