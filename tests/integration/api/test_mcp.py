"""The MCP server, asked by the SDK's own client: in this process, and as a client starts it, over a real API."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import Client as HttpClient
from httpx2 import AsyncClient
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

from filon.mcp import answers
from filon.mcp.server import http_app, make_server
from filon.settings import Settings
from tests.integration.api.conftest import ServedApi, answering, exact, plain
from tests.integration.conftest import free_ports
from tests.integration.polling import until

pytestmark = pytest.mark.parametrize("served", ["sqlite"], indirect=True)  # whatever the store is
Asked = Callable[[Client], Awaitable[Any]]


def ask(api: HttpClient, asked: Asked, **settings: Any) -> Any:
    """What a client finds out that is connected to a server inside this process."""

    async def connected() -> Any:
        server = make_server(Settings(**{"api_url": str(api.base_url), **settings}))
        async with Client(server) as client:
            return await asked(client)

    return asyncio.run(connected())


async def called(client: Client, name: str, **arguments: Any) -> Any:
    """The JSON that a tool answers."""
    result = await client.call_tool(name, arguments)
    text = result.content[0].text  # type: ignore[union-attr]
    assert not result.is_error, text
    return json.loads(text, parse_float=Decimal)


async def refused(client: Client, name: str, **arguments: Any) -> str:
    """The error of a tool."""
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


def dicts(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an answer, as the API gives them."""
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]


def test_tools_are_described_by_the_contracts(api: HttpClient, served: ServedApi) -> None:
    async def listed(client: Client) -> Any:
        return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in ask(api, listed)}
    assert set(tools) == {"tables", "rows", "explain", "quality", "analyse_fact_ventes", "explain_fact_ventes"}
    for tool in tools.values():
        assert tool.annotations.read_only_hint
        assert tool.input_schema["additionalProperties"] is False
        assert all(shape["description"] for shape in tool.input_schema["properties"].values())
    rows = tools["rows"]
    assert set(rows.input_schema["properties"]["table"]["enum"]) == {
        table["name"] for table in exact(api.get("/api/v1/tables"))["data"]
    }
    for part in ("Ventes au détail (amounts in EUR", "montant (decimal, Montant payé, en euros)", "filters: id_client"):
        assert part in rows.description
    analysis = tools["analyse_fact_ventes"].input_schema["properties"]
    assert {"by", "pays", "produit", "segment", "date_debut", "stats", "limit", "release"} <= analysis.keys()
    assert analysis["pays"]["type"] == "array"
    assert "ca, nb_ventes, nb_clients, nb_produits" in tools["analyse_fact_ventes"].description


def test_rows_are_those_of_the_api_page_by_page(api: HttpClient, served: ServedApi) -> None:
    expected = sorted(
        (plain(row) for row in served.gold("fact_ventes") if row["produit"] == "Souris"),
        key=lambda row: row["id_achat"],
    )

    async def walked(client: Client) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: dict[str, Any] = {}
        while True:
            answer = await called(
                client, "rows", table="fact_ventes", filters={"produit": "Souris"}, sort="id_achat", limit=50, **cursor
            )
            assert (answer["release"], answer["total"], answer["shown"]) == (2, len(expected), len(answer["rows"]))
            found += dicts(answer)
            if answer["cursor"] is None:
                return found
            cursor = {"cursor": answer["cursor"]}

    assert ask(api, walked) == expected


def test_measures_are_those_of_the_analysis(api: HttpClient, served: ServedApi) -> None:
    chosen: dict[str, Any] = {
        "by": "pays,annee",
        "produit": ["Souris", "Clavier"],
        "date_debut": "2024-03-01",
        "limit": 7,
    }
    expected = exact(api.get("/api/v1/aggregations/analyse", params=chosen))

    async def asked(client: Client) -> Any:
        return await called(client, "analyse_fact_ventes", **chosen), await called(
            client, "analyse_fact_ventes", release=1
        )

    answer, before = ask(api, asked)
    assert dicts(answer) == expected["data"]
    assert (answer["release"], answer["groups"], answer["shown"]) == (2, expected["total"], 7)
    assert before["release"] == 1
    assert dicts(before)[0]["nb_ventes"] == len(served.gold("fact_ventes", 1))


def test_figures_are_explained(api: HttpClient, served: ServedApi) -> None:
    key = served.gold("fact_ventes")[0]["id_achat"]

    async def asked(client: Client) -> Any:
        row = await called(client, "explain", table="fact_ventes", key=[key])
        cell = await called(client, "explain_fact_ventes", measure="nb_ventes", pays=["France"], limit=2)
        missing = await refused(client, "explain", table="fact_ventes", key=["999999"])
        return row, cell, missing

    row, cell, missing = ask(api, asked)
    assert row["row"]["id_achat"] == key
    [record] = next(part for part in row["contributions"] if part["table"] == "achats")["records"]
    line = (served.shop.sources / record["file"]).read_text(encoding="utf-8").splitlines()[record["record"]]
    assert record["text"] == line
    assert cell["release"] == 2
    assert len(cell["contributions"][0]["data"]) == 2
    assert cell["contributions"][0]["rows"] == cell["row"]["nb_ventes"]
    assert "has no row 999999 in release 2" in missing


def test_tables_and_quality_say_what_there_is_and_how_good_it_is(api: HttpClient, served: ServedApi) -> None:
    async def asked(client: Client) -> Any:
        every, one = await called(client, "tables"), await called(client, "tables", table="dim_clients")
        return every, one, await called(client, "quality")

    every, one, quality = ask(api, asked)
    facts = next(table for table in every["tables"] if table["name"] == "fact_ventes")
    assert facts["rows"] == len(served.gold("fact_ventes"))
    assert facts["measures"] == ["ca", "nb_ventes", "nb_clients", "nb_produits"]
    assert "email" in [column["name"] for column in one["columns"]]
    assert quality["release"] == 2
    achats = next(line for line in quality["datasets"] if line["dataset"] == "achats")
    assert achats["read"] == achats["accepted"] + achats["superseded"] + achats["rejected"]
    assert quality["passed_checks"] > 50
    assert quality["newest_run"]["status"] == "published"


def test_what_is_wrong_is_said_so_that_it_can_be_mended(api: HttpClient, served: ServedApi) -> None:
    async def asked(client: Client) -> list[str]:
        return [
            await refused(client, "row", table="clients"),
            await refused(client, "rows"),
            await refused(client, "rows", table="fact_vente"),
            await refused(client, "rows", table="fact_ventes", filters={"produits": "Souris"}),
            await refused(client, "rows", table="fact_ventes", filters={"date_achat": "yesterday"}),
            await refused(client, "rows", table="fact_ventes", limit=1000),
            await refused(client, "rows", table="fact_ventes", where="1=1"),
            await refused(client, "analyse_fact_ventes", by="pay"),
            await refused(client, "tables", release=9),
        ]

    said = ask(api, asked)
    for text, part in zip(
        said,
        (
            "there is no tool row; did you mean `rows`",
            "rows needs the argument table",
            "there is no table fact_vente; did you mean `fact_ventes`",
            "is not filtered by produits; did you mean `produit`",
            "date_achat: no date; write it as 2026-01-31",
            "from 1 to 200",
            "takes no argument where",
            "group by jour, mois, annee, pays",
            "These are kept: 2, 1",
        ),
        strict=True,
    ):
        assert part in text


def test_an_api_that_does_not_answer_is_an_error_that_says_so(api: HttpClient, served: ServedApi) -> None:
    async def asked(client: Client) -> str:
        return await refused(client, "tables")

    assert "http://127.0.0.1:1 does not answer" in ask(api, asked, api_url="http://name:secret@127.0.0.1:1")


def test_large_answers_are_cut_and_say_so(api: HttpClient, served: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_CHARACTERS", 3_000)

    async def asked(client: Client) -> Any:
        return await called(client, "rows", table="fact_ventes", limit=100), await called(
            client, "explain_fact_ventes", limit=50
        )

    rows, explained = ask(api, asked)
    assert 0 < rows["shown"] == len(rows["rows"]) < 100
    assert rows["cut"].startswith(f"only {rows['shown']} of these rows fit")
    assert len(answers.text_of(rows)) <= 3_000
    assert any("cut" in part for part in explained["contributions"])


def test_its_key_decides_what_it_sees(served: ServedApi, tmp_path: Path) -> None:
    shop = replace(served.shop, folder=tmp_path, extra={"FILON_API_KEYS": str(tmp_path / "keys.json")})
    keys = {scope: shop.json("apikey", "create", scope, "--scope", scope)["key"] for scope in ("read", "admin")}
    key = served.gold("fact_ventes")[0]["id_achat"]

    async def asked(client: Client) -> Any:
        found = await called(client, "explain", table="fact_ventes", key=[key])
        return next(part for part in found["contributions"] if part["table"] == "achats")["records"][0]

    async def nothing(client: Client) -> str:
        return await refused(client, "tables")

    with served.client(api_keys=tmp_path / "keys.json") as api:
        assert "text" not in ask(api, asked, api_key=SecretStr(keys["read"]))
        assert ask(api, asked, api_key=SecretStr(keys["admin"]))["text"]
        assert "Give an API key" in ask(api, nothing)


def test_the_command_serves_on_its_standard_streams(api: HttpClient, served: ServedApi) -> None:
    async def asked() -> tuple[Any, list[str]]:
        environment = {**os.environ, "FILON_API_URL": str(api.base_url)}
        server = StdioServerParameters(command=sys.executable, args=["-m", "filon", "mcp"], env=environment)
        async with Client(server) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            return await called(client, "rows", table="dim_produits", limit=3), tools

    answer, tools = asyncio.run(asked())
    assert answer["shown"] == 3
    assert "analyse_fact_ventes" in tools


def test_over_http_each_caller_asks_with_a_key_of_its_own(served: ServedApi, tmp_path: Path) -> None:
    shop = replace(served.shop, folder=tmp_path, extra={"FILON_API_KEYS": str(tmp_path / "keys.json")})
    keys = {scope: shop.json("apikey", "create", scope, "--scope", scope)["key"] for scope in ("read", "admin")}
    key = served.gold("fact_ventes")[0]["id_achat"]

    async def asked(address: str, given: str | None) -> Any:
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        async with (
            AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
        ):
            if given is None:
                return await refused(client, "rows", table="no_such_table")
            found = await called(client, "explain", table="fact_ventes", key=[key])
            return [record for part in found["contributions"] for record in part["records"]]

    with served.client(api_keys=tmp_path / "keys.json") as api:
        settings = Settings(api_url=str(api.base_url), api_key=SecretStr(keys["admin"]))
        with answering(http_app(settings), settings) as address:
            assert all("text" not in record for record in asyncio.run(asked(address, keys["read"])))
            assert all(record["text"] for record in asyncio.run(asked(address, keys["admin"])))
            assert "Give an API key" in asyncio.run(asked(address, None)), "nobody borrows the key of the settings"
            foreign = api.post(f"{address}/mcp", headers={"Host": "evil.example"}, json={})
            assert foreign.status_code == 421


def test_the_command_serves_http_on_this_machine(api: HttpClient, served: ServedApi) -> None:
    [port] = free_ports(1)
    shop = replace(served.shop, extra={"FILON_API_URL": str(api.base_url)})
    process = shop.start("mcp", "--port", str(port))

    async def asked() -> Any:
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            return [await called(client, "rows", table="dim_produits", limit=limit) for limit in (1, 2)]

    def is_up() -> bool:
        assert process.poll() is None, process.communicate()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 404
        except httpx.TransportError:
            return False

    try:
        until(is_up, "the server is up")
        assert [answer["shown"] for answer in asyncio.run(asked())] == [1, 2]
        assert "is in use" in shop.filon("mcp", "--port", str(port), exit_code=2)
    finally:
        process.terminate()
        process.communicate()
