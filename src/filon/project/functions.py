"""The functions that the SQL of a project may call: the only list of them. ``docs/sql.md`` is the user's view of it.

Each gives the same answer for the same arguments, and reads nothing but them. What is not here is refused: files, the
clock, chance, settings, the engine's own tables, and whatever the next version of an engine adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Setting(StrEnum):
    """What some functions read beside their arguments: a fact of the run, or of the project."""

    AS_OF = "as_of"
    LOCALE = "locale"
    TIMEZONE = "timezone"


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


TEXT = """
    ascii base64 bin bit_length char_length character_length chr concat concat_ws contains damerau_levenshtein decode
    encode ends_with format from_base64 from_hex hamming hex instr jaccard jaro_similarity jaro_winkler_similarity lcase
    left length levenshtein lower lpad ltrim md5 nfc_normalize octet_length ord position prefix printf regexp_escape
    regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array repeat
    replace reverse right rpad rtrim sha1 sha256 split split_part starts_with str_split str_split_regex string_split
    string_split_regex string_to_array strip_accents strlen strpos substr substring suffix to_base64 to_hex translate
    trim ucase unhex unicode upper url_decode url_encode
"""
NUMBERS = """
    abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees divide even exp
    factorial fdiv floor fmod gamma gcd greatest_common_divisor isfinite isinf isnan lcm least_common_multiple lgamma ln
    log log10 log2 mod multiply nextafter pi pow power radians round round_even roundbankers sign signbit sin sinh sqrt
    subtract tan tanh trunc xor
"""
DATES = """
    age century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
    dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era extract hour isodow isoyear
    julian last_day make_date make_time make_timestamp make_timestamp_ms make_timestamptz microsecond millennium
    millisecond minute month monthname nanosecond quarter second strftime strptime time_bucket timezone timezone_hour
    timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes
    to_months to_quarters to_seconds to_timestamp to_weeks to_years try_strptime week weekday weekofyear year yearweek
"""
CHOICES = "coalesce greatest if ifnull least nullif cast try_cast typeof"
LISTS = """
    array_append array_concat array_contains array_distinct array_extract array_length array_position array_reverse
    array_slice array_sort array_to_string cardinality element_at flatten generate_series len list_append list_avg
    list_concat list_contains list_count list_distinct list_extract list_has_all list_has_any list_intersect list_max
    list_median list_min list_position list_prepend list_product list_reverse list_slice list_sort list_sum list_unique
    list_value list_zip map map_entries map_extract map_from_entries map_keys map_values range struct_extract
    struct_pack unnest
"""
JSON = """
    json_array json_array_length json_contains json_exists json_extract json_extract_string json_keys json_object
    json_type json_valid json_value to_json
"""
AGGREGATES = """
    any_value approx_count_distinct arg_max arg_min argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or
    corr count count_if countif covar_pop covar_samp entropy favg first fsum geomean geometric_mean group_concat
    grouping grouping_id histogram kahan_sum kurtosis kurtosis_pop last list listagg mad max max_by mean median min
    min_by mode percentile_cont percentile_disc product quantile quantile_cont quantile_disc regr_avgx regr_avgy
    regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp
    string_agg sum sumkahan var_pop var_samp variance weighted_avg
"""
WINDOWS = """
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number
"""
FILON = """
    as_of attempt day_name from_zone local_date month_name nfc parse_timestamp ratio surrogate_key title_case
    unix_micros unscaled
"""

GROUPS: Mapping[str, frozenset[str]] = {
    title: words(names)
    for title, names in {
        "Filon's own": FILON,
        "texts": TEXT,
        "numbers": NUMBERS,
        "dates and times": DATES,
        "choices and casts": CHOICES,
        "lists, maps and structs": LISTS,
        "JSON": JSON,
        "aggregates": AGGREGATES,
        "windows": WINDOWS,
    }.items()
}
FUNCTIONS: frozenset[str] = frozenset().union(*GROUPS.values())
IN_FROM = frozenset({"generate_series", "range", "unnest"})
"""Functions that may stand in FROM beside tables."""
LEAST_ARGUMENTS: Mapping[str, int] = {"age": 2}
"""With fewer arguments, the function reads the clock."""
READ_BY: Mapping[str, Setting] = {
    "as_of": Setting.AS_OF,
    "day_name": Setting.LOCALE,
    "local_date": Setting.TIMEZONE,
    "month_name": Setting.LOCALE,
}
"""The functions that read a setting. What calls one of them is computed again when the setting changes."""
