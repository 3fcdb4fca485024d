"""The extremes of every type, from the text of a file to what readers ask: nothing that is stored fails an answer."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import streamlit as st
import yaml
from httpx import Client
from hypothesis import Phase, given, settings
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from filon.api import create_app
from filon.dashboard.launch import SCRIPT
from filon.project.loader import load_project
from filon.serving.stores import open_store
from tests.integration.api.conftest import ServedApi, answering
from tests.integration.conftest import Shop, empty_store
from tests.integration.test_contracts import HEAD, ID, column, describe, verdicts

ZONES = ("Europe/Paris", "America/Martinique", "UTC", "Pacific/Kiritimati")
EDGES: Mapping[str, tuple[str, ...]] = {
    "whole": ("-9223372036854775808", "9223372036854775807", "0", "-0", "9223372036854775808"),
    "money": ("-9999999999999999.99", "9999999999999999.99", "0.01", "-0.00", "10000000000000000"),
    "real": ("-9.99e99", "9.99e99", "1e-99", "-0", "1e999", "nan", "inf"),
    "day": ("01/01/0001", "31/12/9999", "01/01/0000", "29/02/2024", "29/02/2023", "00/00/0000"),
    "moment": (
        "01/01/0001 00:00:00", "01/01/0001 23:59:59", "31/12/9999 00:00:00", "31/12/9999 23:59:59",
        "29/03/2026 02:30:00", "25/10/2026 02:30:00", "31/12/0000 23:59:59", "01/01/1900 00:00:00",
    ),
    "truth": ("true", "false", "FALSE", "1"),
    "text": ("", "=1+1", "'", "\U0010ffff", "<b>", "a" * 5_000, "\u202e", "null", "{{x}}"),
}  # fmt: skip
"""Texts at the edges of each type, on both sides."""
EACH_ALONE = [{name: text} for name, found in EDGES.items() for text in found]
TYPES = {
    "whole": "integer", "money": "DECIMAL(18,2)", "real": "DOUBLE", "day": "date", "moment": "timestamp",
    "truth": "boolean", "text": "string",
}  # fmt: skip
SUMS = {
    "time": "day",
    "measures": {"money": {"sum": "money"}, "n": {}, "texts": {"distinct": "text"}},
    "dimensions": {"truth": {"column": "truth"}, "text": {"column": "text"}},
    "total": {"path": "sums/total", "measures": {"money": "money", "n": "n"}},
    "series": {"path": "sums/series", "measures": {"money": "money"}},
    "analysis": {"path": "sums/any"},
}


def of_zone(zone: str, folder: Path, store: str) -> Shop:
    """A project whose one source and one served model have a column of every type."""
    project = folder / "project"
    (project / "sources").mkdir(parents=True)
    (project / "gold").mkdir()
    (project / "filon.yaml").write_text(f"name: lab\ntimezone: {zone}\n")
    lab = Shop(folder, project, {"FILON_SERVING": store})
    columns = [ID, *(column(name, kind) for name, kind in TYPES.items())]
    dialect = {
        "delimiter": ";", "dateFormat": "dd/MM/yyyy", "timestampFormat": "dd/MM/yyyy HH:mm:ss", "timezone": zone
    }  # fmt: skip
    describe(lab, "given", columns, dialect=dialect, malformedThreshold=1)
    (project / "gold" / "things.sql").write_text(f"SELECT id, {', '.join(TYPES)} FROM given")
    words = {
        "serving": {"filters": list(TYPES), "item": True, "path": "every/thing"},
        "aggregations": SUMS,
        "chart": {"kind": "line", "x": "day", "y": "money"},
    }
    properties = [{"property": name, "value": value} for name, value in words.items()]
    table = {"name": "things", "customProperties": properties, "properties": columns}
    (project / "gold" / "things.yaml").write_text(yaml.safe_dump({**HEAD, "schema": [table]}))
    return lab


def put(lab: Shop, rows: list[dict[str, str]]) -> None:
    """Let a file with these texts arrive, numbered from 1."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";")
    writer.writerow(["id", *TYPES])
    writer.writerows([number, *(row.get(name, "") for name in TYPES)] for number, row in enumerate(rows, 1))
    lab.put("given.csv", stream.getvalue())


def require_answers(client: Client, rows: int) -> None:
    """Every endpoint answers, in every form, for every stored value as a filter too."""
    path = "/api/v1/every/thing"
    data = _good(client, path).json()["data"]
    assert len(data) == rows
    assert len(list(csv.reader(io.StringIO(_good(client, path, format="csv").text)))) == rows + 1
    parquet = pq.read_table(io.BytesIO(_good(client, path, format="parquet").content))
    assert parquet.num_rows == rows
    assert pa.table(parquet.to_pydict()).num_rows == rows
    for row in data:
        _good(client, f"{path}/{row['id']}")
        for name, value in row.items():
            if value is not None and name in TYPES and len(str(value)) < 100:
                text = str(value).lower() if isinstance(value, bool) else str(value)
                _good(client, path, **{name: text})
                if name not in ("text", "truth"):
                    _good(client, path, **{f"{name}_min": text, f"{name}_max": text, "sort": f"-{name}"})
    for period, end in itertools.product(("day", "month", "year"), ("date_from", "date_to")):
        for day in ("0001-01-01", "9999-12-31"):
            _good(client, "/api/v1/sums/series", period=period, **{end: day})
            _good(client, "/api/v1/sums/total", **{end: day})
    for by in ("day", "month", "year", "text", "truth"):
        _good(client, "/api/v1/sums/any", by=by, stats="money")
    for other in ("tables", "quality", "runs", "pipeline/status", "project"):
        assert client.get(f"/api/v1/{other}").status_code < 500


def _good(client: Client, path: str, **parameters: Any) -> Any:
    found = client.get(path, params=parameters)
    assert found.status_code == 200, (path, parameters, found.text)
    return found


@pytest.mark.parametrize("store", ["sqlite", "mongodb"])
@pytest.mark.parametrize("zone", ZONES[:2])
def test_the_extremes_of_every_type_are_served_or_rejected(
    zone: str, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.param = store
    for uri in empty_store(request, tmp_path):
        lab = of_zone(zone, tmp_path, uri)
        put(lab, EACH_ALONE)
        accepted, _, reasons = verdicts(lab.run(), "given")
        assert reasons == {
            "day:type": 3,
            "moment:type": 2,
            "money:precision": 1,
            "real:type": 3,
            "truth:type": 1,
            "whole:precision": 1,
        }
        with _api(lab, uri).client() as client:
            require_answers(client, accepted)


def _api(lab: Shop, uri: str) -> ServedApi:
    assert lab.project is not None
    return ServedApi(lab, uri, load_project(lab.project))


ROWS = some.lists(
    some.fixed_dictionaries({name: some.sampled_from(("", *found)) for name, found in EDGES.items()}),
    min_size=1,
    max_size=4,
)


@settings(max_examples=8, phases=[Phase.generate], deadline=None, derandomize=True, database=None)
@given(rows=ROWS, zone=some.sampled_from(ZONES))
def test_no_stored_value_fails_an_answer(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], zone: str
) -> None:
    folder = tmp_path_factory.mktemp("extremes")
    uri = f"sqlite:///{folder / 'serving.db'}"
    lab = of_zone(zone, folder, uri)
    put(lab, rows)
    accepted, _, _ = verdicts(lab.run(), "given")
    with _api(lab, uri).client() as client:
        require_answers(client, accepted)


@pytest.fixture
def explorer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The explorer's page, in a browser's place."""
    uri = f"sqlite:///{tmp_path / 'serving.db'}"
    lab = of_zone("Europe/Paris", tmp_path, uri)
    put(lab, EACH_ALONE)
    lab.run()
    api = _api(lab, uri)
    st.cache_resource.clear()
    with answering(create_app(api.project, open_store(uri), api.settings())) as url:
        monkeypatch.setenv("FILON_API_URL", url)
        page = AppTest.from_file(str(SCRIPT), default_timeout=60)
        page._page_hash = calc_hash("explorateur")
        yield page
    st.cache_resource.clear()


@pytest.mark.parametrize("sort", ["moment", "-real"])
def test_the_explorer_shows_the_extremes_of_every_type(explorer: AppTest, sort: str) -> None:
    explorer.query_params["lang"] = "en"
    explorer.query_params["table"] = "things"
    explorer.run()
    assert not explorer.exception
    assert any("by year" in caption.value for caption in explorer.caption)  # 3.6 million days are no picture
    explorer.selectbox(key="sort.things").select(sort).run()
    assert not explorer.exception
    assert not explorer.error
