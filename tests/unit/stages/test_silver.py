"""Records of several files against a contract with a key and a reference: accepted, superseded, rejected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from filon.errors import ConservationBroken
from filon.lake import Build, FileCounts, Layer
from filon.stages.context import TableStatus
from filon.stages.silver import SilverResult, build_silver
from tests.unit.stages.bench import Bench, Record, opened, write_project

SOURCE = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    customProperties:
      - {{property: filePattern, value: "{name}*.csv"}}
      - {{property: keep, value: {keep}}}
    properties:
"""
CLIENTS = (
    SOURCE.format(name="clients", keep="first") + "      - {name: client, logicalType: integer, primaryKey: true}\n"
)
ORDERS = (
    SOURCE.format(name="orders", keep="KEEP")
    + """\
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: amount, logicalType: integer}
      - name: client
        logicalType: integer
        relationships: [{to: clients.client}]
"""
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield from benches(tmp_path, "first")


def benches(folder: Path, keep: str) -> Iterator[Bench]:
    files = {"sources/clients.yaml": CLIENTS, "sources/orders.yaml": ORDERS.replace("KEEP", keep)}
    with opened(write_project(folder / "project", files), folder) as bench:
        yield bench


def order(number: int | str, amount: int, client: int | None = None) -> Record:
    return {"id": str(number), "amount": str(amount), "client": None if client is None else str(client)}


def clients(bench: Bench, *numbers: int) -> Build:
    dataset = bench.dataset("clients")
    bronze = bench.receive(dataset, [{"client": str(number)} for number in numbers])
    return build_silver(bench.context, dataset, bench.ledger, bronze, {}, None).accepted


def orders(bench: Bench, bronze: Build, parent: Build) -> SilverResult:
    return build_silver(bench.context, bench.dataset("orders"), bench.ledger, bronze, {"clients": parent}, None)


def test_the_newest_file_wins_and_inside_a_file_the_first_record(bench: Bench) -> None:
    parent = clients(bench, 1)
    older, newer = [order(1, 10), order(1, 11), order(2, 20)], [order(1, 12), order(1, 13)]
    result = orders(bench, bench.receive(bench.dataset("orders"), older, newer), parent)
    assert bench.rows(result.accepted, "id", "amount", "_file", "_record") == [(1, 12, 3, 1), (2, 20, 2, 3)]
    assert result.quality.files == {
        2: FileCounts(read=3, accepted=1, superseded=2, rejected=0),
        3: FileCounts(read=2, accepted=1, superseded=1, rejected=0),
    }


def test_inside_a_file_the_last_record_wins_if_the_contract_says_so(tmp_path: Path) -> None:
    for bench in benches(tmp_path, "last"):
        result = orders(bench, bench.receive(bench.dataset("orders"), [order(1, 10), order(1, 11)]), clients(bench, 1))
        assert bench.rows(result.accepted, "id", "amount") == [(1, 11)]


def test_a_rejected_row_never_hides_a_good_one(bench: Bench) -> None:
    parent = clients(bench, 1)
    result = orders(bench, bench.receive(bench.dataset("orders"), [order(1, 10, 1)], [order(1, 11, 9)]), parent)
    assert bench.rows(result.accepted, "id", "amount") == [(1, 10)]
    assert bench.rows(result.rejected) == [(3, 1, ["client:reference"], "1,11,9")]
    assert result.quality.by_reason == {"client:reference": 1}


def test_a_row_is_judged_again_when_the_row_that_it_refers_to_arrives(bench: Bench) -> None:
    without = clients(bench, 1)
    bronze = bench.receive(bench.dataset("orders"), [order(1, 10, 2)])
    assert orders(bench, bronze, without).accepted.rows == 0
    assert bench.rows(orders(bench, bronze, clients(bench, 2)).accepted, "id") == [(1,)]


def test_the_same_records_and_contract_are_judged_once(bench: Bench) -> None:
    parent, dataset = clients(bench, 1), bench.dataset("orders")
    bronze = bench.receive(dataset, [order(1, 10, 1)])
    first = orders(bench, bronze, parent)
    later = bench.again(run_id="later")
    assert build_silver(later, dataset, bench.ledger, bronze, {"clients": parent}, None) == first
    assert [(report.layer, report.status) for report in later.tables] == [
        (Layer.SILVER, TableStatus.REUSED),
        (Layer.QUARANTINE, TableStatus.REUSED),
    ]
    assert "engine" not in vars(later), "an engine was started"


def test_records_that_do_not_add_up_to_what_was_read_are_an_error(bench: Bench) -> None:
    parent = clients(bench, 1)
    bronze = bench.receive(bench.dataset("orders"), [order(1, 10), order(2, 20)], counted=3)
    with pytest.raises(ConservationBroken, match=r"orders-2\.csv"):
        orders(bench, bronze, parent)
    assert bench.context.lake.find_build(Layer.SILVER, "orders", "any") is None
