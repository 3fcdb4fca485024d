"""Values at the edges of what a store can keep: served as they are, or refused in one line that says which."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from httpx import Client

from filon.project.loader import load_project
from filon.serving import loading
from filon.serving.loading import MANY_ROWS
from tests.integration.api.conftest import ServedApi
from tests.integration.conftest import Shop
from tests.integration.test_contracts import HEAD, ID, column, describe

LEAST, MOST = -(2**63), 2**63 - 1
SUMS = {
    "time": "day",
    "measures": {"total": {"sum": "v"}, "n": {}},
    "total": {"path": "sums/total", "measures": {"total": "total", "n": "n"}},
    "series": {"path": "sums/series", "measures": {"total": "total"}},
}


@pytest.fixture(autouse=True, params=[MANY_ROWS, 1], ids=["few rows", "many rows"])
def many_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows reach stores one by one, or in bulk."""
    monkeypatch.setattr(loading, "MANY_ROWS", request.param)


@pytest.fixture
def lab(tmp_path: Path, store_uri: str) -> Shop:
    """A project without tables that is served from an empty store of each kind."""
    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True)
    (project / "gold").mkdir()
    (project / "filon.yaml").write_text("name: lab\ntimezone: Europe/Paris\n")
    return Shop(tmp_path, project, {"FILON_SERVING": store_uri})


def things(lab: Shop, of: str, model: str = "v", *, kind: str | None = None, **words: Any) -> None:
    """A source of values of a type, and a served model that computes ``v`` from them, of another type if need be."""
    assert lab.project is not None
    day = column("day", "date", required=True)
    describe(lab, "given", [ID, day, column("v", of)])
    (lab.project / "gold" / "things.sql").write_text(f"SELECT id, day, {model} AS v FROM given")
    properties = [{"property": word, "value": value} for word, value in words.items()]
    properties.append({"property": "serving", "value": {"filters": ["v"]}})
    table = {"name": "things", "customProperties": properties, "properties": [ID, day, column("v", kind or of)]}
    (lab.project / "gold" / "things.yaml").write_text(yaml.safe_dump({**HEAD, "schema": [table]}))


def put(lab: Shop, values: Sequence[object]) -> None:
    """Let a file with these values arrive, numbered from 1, all of one day."""
    lines = [f"{number},2025-01-01,{value}" for number, value in enumerate(values, 1)]
    lab.put("given.csv", "\n".join(["id,day,v", *lines]) + "\n")


def served(lab: Shop, path: str = "tables/things?sort=id") -> Any:
    """What the API answers, numbers with all their digits."""
    return json.loads(_response(lab, path), parse_float=Decimal, parse_int=Decimal)


def _response(lab: Shop, path: str) -> str:
    with _client(lab) as client:
        found = client.get(f"/api/v1/{path}")
    assert found.status_code == 200, found.text
    text: str = found.text
    return text


def _client(lab: Shop) -> Any:
    assert lab.project is not None
    return ServedApi(lab, lab.extra["FILON_SERVING"], load_project(lab.project)).client()


def values(lab: Shop) -> list[Any]:
    return [row["v"] for row in served(lab)["data"]]


def refused(lab: Shop, *parts: str) -> None:
    """A run that publishes, and fails to load in one line."""
    report = lab.run(exit_code=1)
    assert report["serving"] is None
    error = report["error"]
    assert "\n" not in error
    for part in (*parts, "things", "Nothing was loaded"):
        assert part in error, error


def digits(lab: Shop) -> int:
    return 18 if lab.extra["FILON_SERVING"].startswith("sqlite") else 34


@pytest.mark.parametrize("scale", [0, 2, 18, 34, 38])
def test_a_wide_decimal_is_served_as_long_as_its_values_fit(lab: Shop, scale: int) -> None:
    """The widest values that the store keeps, at any scale, and the narrowest."""
    things(lab, f"DECIMAL(38,{scale})")
    held = min(digits(lab), 38)
    most = Decimal(f"{'9' * held}e-{scale}")
    unit = Decimal(f"1e-{scale}")
    given = [most, most.copy_negate(), unit, -unit, Decimal(f"0e-{scale}")]
    put(lab, [format(value, "f") for value in given])
    lab.run()
    assert values(lab) == given
    with _client(lab) as client:
        for place, value in enumerate(given, 1):
            found = client.get(f"/api/v1/tables/things?v={value:f}").json()["data"]
            assert [row["id"] for row in found] == [place]
        for path in ("tables/things?format=csv", "tables/things?format=parquet", "tables/things/1"):
            assert client.get(f"/api/v1/{path}").status_code in (200, 404)


@pytest.mark.parametrize("kind", [(18, 2), (18, 18)])
def test_a_decimal_that_every_store_has_room_for_is_served_to_its_last_value(lab: Shop, kind: tuple[int, int]) -> None:
    precision, scale = kind
    things(lab, f"DECIMAL({precision},{scale})")
    most = Decimal(f"{'9' * precision}e-{scale}")
    put(lab, [most, most.copy_negate()])
    lab.run()
    assert values(lab) == [most, most.copy_negate()]


@pytest.mark.parametrize(("scale", "sign"), [(0, "-"), (2, ""), (38, "-")])
def test_a_decimal_that_the_store_cannot_keep_fails_the_load_and_readers_keep_what_they_had(
    lab: Shop, scale: int, sign: str
) -> None:
    things(lab, f"DECIMAL(38,{scale})")
    put(lab, ["0"])
    lab.run()
    nines = "9" * 38
    wide = f"{sign}{nines[: 38 - scale]}.{nines[:scale]}".removesuffix(".").replace("-.", "-0.")
    put(lab, ["0", wide if wide[0] != "." else f"0{wide}"])
    refused(lab, "v = ", "9999", "id 2", "digits")
    assert values(lab) == [Decimal(0)]
    put(lab, [f"{Decimal(f'7e-{scale}'):f}"])
    lab.run()
    assert values(lab) == [Decimal(f"7e-{scale}")]


def test_a_decimal_one_unit_too_wide_is_refused_and_the_last_that_fits_is_not(lab: Shop) -> None:
    things(lab, "DECIMAL(38,2)")
    is_sqlite = digits(lab) == 18
    most = MOST if is_sqlite else 10**34 - 1
    least = LEAST if is_sqlite else -most
    put(lab, [f"{str(bound)[:-2]}.{str(bound)[-2:]}" for bound in (most, least)])
    lab.run()
    assert [Fraction(value) * 100 for value in values(lab)] == [most, least]
    for bound in (most + 1, least - 1):
        put(lab, [f"{str(bound)[:-2]}.{str(bound)[-2:]}"])
        refused(lab, "v = ", "id 1")


def test_whole_numbers_of_64_bits_come_back_and_so_do_their_sums(lab: Shop) -> None:
    things(lab, "integer", aggregations={**SUMS, "dimensions": {}, "analysis": {"path": "sums/any"}})
    put(lab, [MOST, LEAST, 0, -1])
    lab.run()
    assert values(lab) == [MOST, LEAST, 0, -1]
    assert served(lab, "sums/total") == {"total": -2, "n": 4}
    assert served(lab, "sums/any?stats=total")["data"][0]["total"] == -2


def test_sums_beyond_64_bits_are_exact_or_refused(lab: Shop) -> None:
    things(lab, "integer", aggregations={**SUMS, "dimensions": {}, "analysis": {"path": "sums/any"}})
    put(lab, [MOST, MOST, MOST])
    if digits(lab) == 18:
        refused(lab, f"total = {3 * MOST}", "the sums of things", "day 2025-01-01")
        return
    lab.run()
    assert served(lab, "sums/total") == {"total": 3 * MOST, "n": 3}
    assert served(lab, "sums/series?period=month")["data"][0]["total"] == 3 * MOST
    [found] = served(lab, "sums/any?stats=total&by=day&sort=-total")["data"]
    assert (found["total"], found["stats"]["max"]) == (3 * MOST, MOST)


def test_sums_beyond_38_digits_fail_in_a_line(lab: Shop) -> None:
    things(lab, "DECIMAL(38,0)", aggregations={**SUMS, "dimensions": {}})
    put(lab, ["9" * 38, "9" * 38, "9" * 38])
    report = lab.run(exit_code=1)
    assert report["serving"] is None
    assert "things" in report["error"]
    assert "\n" not in report["error"]


def test_a_number_that_is_not_finite_is_never_published(lab: Shop) -> None:
    """JSON has no word for it, and SQLite would keep NULL for NaN: a check that every contract implies stops it."""
    things(lab, "string", "CAST(v AS DOUBLE) * 10", kind="DOUBLE")
    put(lab, ["1.5", "-1e307"])
    lab.run()
    for value in ("1e308", "-1e308", "nan"):
        put(lab, ["1.5", value])
        assert "finite(v)" in lab.run(exit_code=1)["error"]
    assert [float(found) for found in values(lab)] == [15.0, -1e308]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_are_served(lab: Shop, day: str) -> None:
    things(lab, "date")
    put(lab, [day])
    lab.run()
    assert values(lab) == [day]
    assert served(lab, f"tables/things?v={day}")["total"] == 1


@pytest.mark.parametrize("model", ["v + 1", "DATE 'infinity'", "DATE '-infinity'", "DATE '0044-03-15 (BC)'"])
def test_a_day_of_another_calendar_is_refused(lab: Shop, model: str) -> None:
    things(lab, "date", f"CAST({model} AS DATE)")
    put(lab, ["9999-12-31"])
    refused(lab, "v = ", "years 0001 to 9999")


@pytest.mark.parametrize("model", ["v + INTERVAL 1 DAY", "v - INTERVAL 9999 YEAR"])
def test_a_moment_outside_the_calendar_of_utc_is_refused(lab: Shop, model: str) -> None:
    things(lab, "timestamp", model)
    put(lab, ["9999-12-31 12:00:00"])
    refused(lab, "v = ", "years 0001 to 9999, in UTC")


def test_microseconds_are_kept_or_refused(lab: Shop) -> None:
    things(lab, "date", "CAST(v AS TIMESTAMP) + INTERVAL 1500 MICROSECOND", kind="timestamp")
    put(lab, ["2025-01-01", "1969-12-31"])
    if digits(lab) == 34:
        refused(lab, "v = 2025-01-01 00:00:00.0015", "millisecond", "date_trunc")
        cut = "date_trunc('milliseconds', CAST(v AS TIMESTAMP) + INTERVAL 1500 MICROSECOND)"
        things(lab, "date", cut, kind="timestamp")
    lab.run()
    micros = "001000" if digits(lab) == 34 else "001500"
    assert values(lab) == [f"2025-01-01T00:00:00.{micros}Z", f"1969-12-31T00:00:00.{micros}Z"]
    total = [
        served(lab, f"tables/things?v_{end}=2025-01-01T00:00:00.{digit}Z")["total"]
        for end, digit in (("min", "001499"), ("min", "001501"), ("max", "000999"), ("max", "001501"))
    ]
    assert total == ([0, 0, 1, 2] if digits(lab) == 34 else [1, 0, 1, 2])


def test_a_row_larger_than_the_store_takes_is_refused(lab: Shop) -> None:
    things(lab, "integer", "repeat('é', v)", kind="string")
    put(lab, [8_000_000])
    lab.run()
    assert len(values(lab)[0]) == 8_000_000
    put(lab, [8_000_000, 9_000_000])
    if digits(lab) == 18:
        lab.run()
        return
    refused(lab, "v = é", "(9,000,000 characters)", "id 2", "16 MB")
    assert len(served(lab)["data"]) == 1


def test_texts_of_all_letters_are_kept_also_as_keys(lab: Shop) -> None:
    things(lab, "string")
    assert lab.project is not None
    sql = lab.project / "gold" / "things.sql"
    sql.write_text("SELECT id, day, v || chr(0) || v || chr(1114111) AS v FROM given")
    put(lab, ["a", "'", "$x", "{\\}"])
    lab.run()
    assert values(lab) == [f"{v}\0{v}\U0010ffff" for v in ("a", "'", "$x", "{\\}")]
    with _client(lab) as client:
        assert _total(client, "a\0a\U0010ffff") == 1
        assert _total(client, "a") == 0


def _total(client: Client, value: str) -> int:
    found = client.get("/api/v1/tables/things", params={"v": value})
    assert found.status_code == 200, found.text
    total: int = found.json()["total"]
    return total


def test_filters_are_never_rounded(lab: Shop) -> None:
    things(lab, "DECIMAL(18,2)")
    put(lab, ["1234567890123456.78", "1234567890123456.79", "-0.01"])
    lab.run()
    more = "0" * 30 + "1"
    expected = {
        f"v=1234567890123456.78{more}": 0,
        "v=1234567890123456.780000": 1,
        f"v_min=1234567890123456.78{more}": 1,
        f"v_max=1234567890123456.78{more}": 2,
        f"v_max=-0.01{more}": 0,
        f"v_min=-0.01{more}": 3,
    }
    with _client(lab) as client:
        found = {query: client.get(f"/api/v1/tables/things?{query}").json()["total"] for query in expected}
    assert found == expected


def test_a_store_is_left_as_it_was_when_only_a_change_does_not_fit(lab: Shop) -> None:
    """The difference of two releases is judged as a whole table is, and a later load undoes what was written."""
    things(lab, "DECIMAL(38,0)")
    put(lab, list(range(50)))
    lab.run()
    put(lab, [*range(49), "9" * 35])
    refused(lab, "9" * 35, "id 50")
    assert values(lab) == list(range(50))
    put(lab, list(range(1, 51)))
    lab.run()
    assert values(lab) == list(range(1, 51))


def test_a_run_without_a_store_takes_every_value(lab: Shop) -> None:
    things(lab, "DECIMAL(38,0)")
    put(lab, ["9" * 38])
    lab.run("--serving", "none")
    assert replace(lab, extra={}).rows("things", "v") == [(Decimal("9" * 38),)]
