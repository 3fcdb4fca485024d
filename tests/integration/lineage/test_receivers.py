"""Receivers that are away, slow or refuse: a run does not fail and hardly waits, and says so once."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from filon.pipeline.openlineage.sending import STALLED_S, Sender, without_secrets
from tests.integration.conftest import Shop, free_ports
from tests.integration.lineage.conftest import Receiver, events_of, jobs, timed


def test_a_receiver_that_is_away_does_not_fail_a_run(shop: Shop) -> None:
    away = replace(shop, extra={"FILON_OPENLINEAGE": f"http://ada:secret@127.0.0.1:{free_ports(1)[0]}"})
    text = away.filon("run", "--as-of", "2026-01-01")
    assert "published release 1" in text
    lines = [line for line in text.splitlines() if "OpenLineage" in line]
    assert len(lines) == 1
    assert "events" in lines[0]
    assert "secret" not in text


def test_a_slow_receiver_delays_a_run_by_seconds_at_most(shop: Shop, receiver: Receiver) -> None:
    shop.run()
    receiver.delay_s = 60
    start = time.monotonic()
    report = replace(shop, extra={"FILON_OPENLINEAGE": receiver.address}).run()
    assert report["status"] == "unchanged"
    assert "does not answer" in report["untraced"]
    assert timed(start) < STALLED_S + 6


def test_a_receiver_that_takes_its_time_for_each_event_gets_all(shop: Shop, receiver: Receiver) -> None:
    receiver.delay_s = 0.03
    report = replace(shop, extra={"FILON_OPENLINEAGE": receiver.address}).run()
    assert report["untraced"] is None
    assert jobs(receiver.events)[-1] == ("retail", "COMPLETE")


@pytest.mark.parametrize("status", [401, 422, 500])
def test_a_receiver_that_refuses_is_named_with_its_answer(shop: Shop, receiver: Receiver, status: int) -> None:
    receiver.status = status
    report = replace(shop, extra={"FILON_OPENLINEAGE": receiver.address}).run("--until", "bronze")
    assert report["status"] == "stopped"
    assert str(status) in report["untraced"]


def test_a_file_that_cannot_be_written_does_not_fail_a_run(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    report = replace(shop, extra={"FILON_OPENLINEAGE": f"file:{tmp_path}/taken/events.jsonl"}).run("--until", "bronze")
    assert "taken" in report["untraced"]


def test_a_broken_configuration_does_not_fail_a_run(shop: Shop) -> None:
    (shop.folder / "openlineage.yml").write_text("transport: {type: carrier_pigeon}\n")
    report = shop.run("--until", "bronze")
    assert report["status"] == "stopped"
    assert "events" in report["untraced"]


@pytest.mark.parametrize("setting", ["ftp://host", "file:", "file:/folder/", "events.jsonl", "http://host?key=1"])
def test_an_address_that_is_none_is_refused(shop: Shop, setting: str) -> None:
    assert "FILON_OPENLINEAGE" in shop.filon_with("run", FILON_OPENLINEAGE=setting)


def test_a_run_that_is_interrupted_is_told_as_aborted(shop: Shop, receiver: Receiver) -> None:
    rows = "".join(f"{n},1,2025-01-{n % 28 + 1:02d},1.00,p{n % 50}\n" for n in range(300_000))
    shop.put("achats-2.csv", "id_achat,id_client,date_achat,montant,produit\n" + rows)
    process = replace(shop, extra={"FILON_OPENLINEAGE": receiver.address}).start("run", "--as-of", "2026-01-01")
    deadline = time.monotonic() + 60
    while not any(name == "retail.silver.achats" for name, _ in jobs(receiver.events)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert jobs(receiver.events)[-1] == ("retail", "ABORT")
    begun = [name for name, kind in jobs(receiver.events) if kind == "START"]
    ended = [name for name, kind in jobs(receiver.events) if kind != "START"]
    assert sorted(begun) == sorted(ended)


def test_after_a_killed_run_the_next_one_tells_all_of_it(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    told = replace(shop, extra={"FILON_OPENLINEAGE": f"file:{file}"})
    process = told.start("run", "--as-of", "2026-01-01")
    deadline = time.monotonic() + 60
    while not file.exists() or "retail.silver.clients" not in file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = len(events_of(file))
    told.run()
    made = {name for name, kind in jobs(events_of(file)[before:]) if kind == "COMPLETE"}
    known = {name for name, kind in jobs(events_of(file)) if kind == "COMPLETE"}
    assert "retail.gold.kpi_ca_par_mois" in made
    assert {"retail.bronze.achats", "retail.silver.achats", "retail"} <= known


def test_users_and_passwords_are_taken_out_of_addresses() -> None:
    text = "mongodb://ada:se/cret@host/db and https://token@host/x, mail to ada@example.com"
    assert without_secrets(text) == "mongodb://ada:se/cret@host/db and https://***@host/x, mail to ada@example.com"


def test_an_error_while_events_are_made_is_told_and_ends_nothing() -> None:
    sender = Sender("file:/dev/null")
    with sender.harmless():
        raise KeyError("columns")
    assert sender.close() == "1 of 1 events: KeyError: 'columns'"


@pytest.mark.parametrize("name", ["events.jsonl", "a #1?.jsonl", "deep/er/events.jsonl", "100%41.jsonl"])
def test_events_go_to_the_file_that_is_named(shop: Shop, name: str) -> None:
    replace(shop, extra={"FILON_OPENLINEAGE": f"file:{name}"}).run("--until", "bronze")
    assert jobs(events_of(shop.folder / name))[-1] == ("retail", "COMPLETE")
