"""How a DuckDB connection is closed to everything but the folders that it is given.

Project SQL passes an allow-list before it comes here (``filon.project.grammar``). This is the second door: a statement
that got past the first still finds no file outside these folders, no setting, no clock and no extension.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from filon.lake import Location
from filon.sql import identifier, literals

CLOSED_FROM_THE_START = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}
CHANGED_LATER = ["preserve_insertion_order"]
"""The only setting that the engine itself changes while it runs; it decides nothing but speed and the order of rows."""

SYSTEM = "system.main"
"""Where DuckDB's own functions are found although a macro of the same name hides them from everybody else."""

# a test holds both lists against the functions that DuckDB has
STATE_AND_CLOCK = """
    age ago current_connection_id current_database current_date current_localtime current_localtimestamp current_query
    current_query_id current_schema current_schemas current_setting current_transaction_id currval gen_random_uuid
    get_current_time get_current_timestamp getvariable in_search_path nextval now pg_conf_load_time
    pg_postmaster_start_time pg_sleep random setseed sleep_ms stats today transaction_timestamp txid_current uuid uuidv4
    uuidv7 version write_log
"""
ROWS_OF_ITS_OWN = """
    arrow_scan arrow_scan_dumb checkpoint disable_logging disable_profiling duckdb_approx_database_count duckdb_columns
    duckdb_connection_count duckdb_constraints duckdb_coordinate_systems duckdb_databases duckdb_dependencies
    duckdb_extensions duckdb_external_file_cache duckdb_functions duckdb_indexes duckdb_keywords duckdb_log_contexts
    duckdb_logs duckdb_logs_parsed duckdb_memory duckdb_optimizers duckdb_prepared_statements duckdb_profiling_settings
    duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences duckdb_settings duckdb_table_sample duckdb_tables
    duckdb_temporary_files duckdb_types duckdb_variables duckdb_views enable_logging enable_profiling force_checkpoint
    glob icu_calendar_names json_execute_serialized_sql pandas_scan parquet_bloom_probe parquet_file_metadata
    parquet_full_metadata parquet_kv_metadata parquet_metadata parquet_scan parquet_schema pg_timezone_names
    pragma_collations pragma_database_size pragma_metadata_info pragma_platform pragma_show pragma_storage_info
    pragma_table_info pragma_user_agent pragma_version python_map_function query query_table read_blob read_csv
    read_csv_auto read_duckdb read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson
    read_ndjson_auto read_ndjson_objects read_parquet read_text seq_scan sniff_csv test_all_types test_vector_types
    truncate_duckdb_logs which_secret
"""


def masks() -> Iterator[str]:
    """Statements that hide DuckDB's own functions of these names; a temporary macro is found before them."""
    nothing = f"{SYSTEM}.error('this function is not known to Filon''s SQL')"
    for name in STATE_AND_CLOCK.split():
        if name != "age":
            yield f"CREATE TEMP MACRO {identifier(name)}() AS {nothing}"
    yield f"CREATE TEMP MACRO age(later, earlier) AS {SYSTEM}.age(later, earlier)"  # of one date, it asks the clock
    for name in ROWS_OF_ITS_OWN.split():
        yield f"CREATE TEMP MACRO {identifier(name)}() AS TABLE SELECT {nothing}"


def locks(workspace: Path, places: Iterable[Location]) -> Iterator[str]:
    """Statements after which a connection reaches only the workspace and these places, and stays as it is."""
    allowed = [*_spellings(workspace)]
    for place in places:
        allowed += _spellings(place.folder) if place.folder is not None else [place.uri, literal_path(place.uri)]
    yield f"SET allowed_directories = [{literals(dict.fromkeys(allowed))}]"
    yield f"SET allowed_configs = [{literals(CHANGED_LATER)}]"
    yield "SET enable_external_access = false"
    yield "SET lock_configuration = true"


def _spellings(folder: Path) -> list[str]:
    """A folder as it is named and as it really is. What is read is compared as a pattern, what is found as a path.

    DuckDB follows links itself, but not those above a folder that does not exist yet.
    """
    return [spelling for path in (folder, folder.resolve()) for spelling in (str(path), literal_path(str(path)))]


def literal_path(path: str) -> str:
    """A path in which DuckDB sees no wildcard."""
    return re.sub(r"[\[*?]", r"[\g<0>]", path)
