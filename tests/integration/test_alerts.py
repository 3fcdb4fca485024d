"""Alerts of a project, told to a mail server, an HTTP server and a program."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from filon.lake import Lake
from filon.lake.books import AlertBook
from filon.pipeline.alerting import RunOutcome, tell_alerts
from filon.project import Project
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.history import LAST, AlertsRecord, Kind
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.conftest import ACHATS, CLIENTS, Shop, free_ports
from tests.integration.lake.test_damage import flip, one_file

ALL_REJECTED = "id_achat,id_client,date_achat,montant,produit\n" + "".join(f"{n},99,x,y,z\n" for n in range(50, 90))
NOW = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


@dataclass
class Mailbox:
    """The mails that a server took."""

    mails: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain", "html"))
        self.mails.append((str(mail["subject"]), str(body.get_content()) if body else ""))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server, and the address of somebody who reads there."""
    box, port = Mailbox(), free_ports(1)[0]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box, f"mailto://127.0.0.1:{port}?from=filon@example.com&to=ada@example.com&mode=insecure"
    server.stop()


@dataclass
class Hook:
    """What was posted; ``status`` is answered."""

    posted: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200


@pytest.fixture
def hook() -> Iterator[tuple[Hook, str]]:
    """A receiver of JSON as chat services take it, and its address."""
    seen = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(seen.status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield seen, f"json://127.0.0.1:{server.server_address[1]}/hook?:message=text"
    server.shutdown()
    thread.join()
    server.server_close()


def with_alerts(shop: Shop, folder: Path, *conditions: str, **settings: str) -> Shop:
    shutil.copytree(retail.FOLDER, folder)
    file = folder / "filon.yaml"
    file.write_text(file.read_text() + f"alerts: {json.dumps(conditions)}\n")
    return replace(shop, project=folder, extra=settings)


def test_people_are_told_once_when_it_begins_and_once_when_it_is_over(
    shop: Shop, tmp_path: Path, mailbox: tuple[Mailbox, str], hook: tuple[Hook, str]
) -> None:
    (box, mail), (seen, web) = mailbox, hook
    settings = {"FILON_ALERTS": f"{mail} {web}", "FILON_DASHBOARD_URL": "https://figures.example"}
    alerting = with_alerts(shop, tmp_path / "project", "achats.records_rejected > 80%", **settings)
    assert alerting.run()["alerts"] == []
    assert box.mails == []
    alerting.put("achats-2.csv", ALL_REJECTED)
    [alert] = alerting.run()["alerts"]
    assert (alert["alert"], alert["is_on"], alert["problem"]) == ("achats.records_rejected > 80%", True, "")
    alerting.run()
    [(subject, body)] = box.mails
    assert subject == "Ventes au détail: achats.records_rejected > 80%"
    assert "achats: 42 of 46 records are rejected" in body
    assert "https://figures.example/pipeline" in body
    assert ["42 of 46 records" in message["text"] for message in seen.posted] == [True]
    alerting.filon("retract", "achats-2.csv", "--yes")
    assert alerting.run()["alerts"] == []
    assert [subject for subject, _ in box.mails][1:] == ["Ventes au détail: over: achats.records_rejected > 80%"]
    assert len(seen.posted) == 2


def test_readers_of_the_store_find_which_alerts_hold(shop: Shop, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'serving.db'}"
    alerting = with_alerts(shop, tmp_path / "project", "achats.records_rejected > 80%", FILON_SERVING=uri)

    def told() -> list[tuple[bool, str]]:
        store = open_store(uri)
        record = AlertsRecord.model_validate_json(store.records.known(Kind.ALERTS, LAST) or "")
        store.shut()
        return [(alert.is_on, alert.what) for alert in record.alerts]

    alerting.run()
    assert told() == [(False, "")]
    alerting.put("achats-2.csv", ALL_REJECTED)
    alerting.run("--serving", "none")
    assert told() == [(False, "")], "that run had no store"
    alerting.filon("alerts")
    assert told() == [(True, "achats: 42 of 46 records are rejected")]


def test_a_run_that_fails_or_cannot_start_is_told(shop: Shop, tmp_path: Path, hook: tuple[Hook, str]) -> None:
    seen, web = hook
    alerting = with_alerts(shop, tmp_path / "project", "run failed", FILON_ALERTS=web)
    alerting.run()
    moved = alerting.sources.rename(tmp_path / "elsewhere")
    assert "there is no folder" in alerting.filon("run", exit_code=2)
    assert "there is no folder" in seen.posted[0]["text"]
    alerting.filon("run", exit_code=2)
    assert len(seen.posted) == 1
    moved.rename(alerting.sources)
    alerting.run()
    assert len(seen.posted) == 2


def test_a_receiver_that_is_away_is_tried_again_and_fails_no_run(
    shop: Shop, tmp_path: Path, hook: tuple[Hook, str]
) -> None:
    seen, web = hook
    seen.status = 500
    shop.put("achats-2.csv", ALL_REJECTED)
    alerting = with_alerts(shop, tmp_path / "project", "records_rejected > 80%", FILON_ALERTS=web)
    report = alerting.run()
    assert report["status"] == "published"
    [alert] = report["alerts"]
    assert alert["problem"].startswith("json://…: ")
    assert "nobody was told" in alerting.filon("run", "--as-of", "2026-01-01")
    assert "not told yet, after 3 attempts" in alerting.filon("alerts")
    seen.status = 200
    states = alerting.json("alerts")["alerts"]
    assert states["records_rejected > 80%"]["is_told"]
    posted = len(seen.posted)
    alerting.filon("alerts")
    assert len(seen.posted) == posted


def test_who_was_told_is_not_told_again_because_another_was_away(
    shop: Shop, tmp_path: Path, mailbox: tuple[Mailbox, str], hook: tuple[Hook, str]
) -> None:
    (box, mail), (seen, web) = mailbox, hook
    seen.status = 500
    shop.put("achats-2.csv", ALL_REJECTED)
    alerting = with_alerts(shop, tmp_path / "project", "records_rejected > 80%", FILON_ALERTS=f"{mail} {web}")
    alerting.run()
    alerting.filon("alerts")
    assert (len(box.mails), len(seen.posted)) == (1, 2)
    seen.status = 200
    alerting.filon("alerts")
    alerting.filon("alerts")
    assert (len(box.mails), len(seen.posted)) == (1, 3)


def test_a_program_reads_the_facts(shop: Shop, tmp_path: Path) -> None:
    program, told = tmp_path / "told.sh", tmp_path / "told.json"
    program.write_text(f"#!/bin/sh\ncat > '{told}'\n")
    program.chmod(0o755)
    shop.put("bad.achats.csv", "")
    shop.put("achats_2.csv", "not a header of ours\n1\n")
    alerting = with_alerts(shop, tmp_path / "project", "files_refused > 0", FILON_ALERTS=f"command:{program}")
    alerting.run()
    facts = json.loads(told.read_text())
    assert (facts["project"], facts["alert"], facts["is_on"]) == ("retail", "files_refused > 0", True)
    assert "achats_2.csv" in facts["what"]
    program.write_text("#!/bin/sh\necho not today >&2; exit 3\n")
    (alerting.sources / "achats_2.csv").write_text(ACHATS.replace("\n1", "\n7"))
    assert "exit code 3 not today" in alerting.run()["alerts"][0]["problem"]


def test_a_message_can_be_sent_for_a_test(shop: Shop, tmp_path: Path, mailbox: tuple[Mailbox, str]) -> None:
    box, mail = mailbox
    alerting = with_alerts(shop, tmp_path / "project", "late", FILON_ALERTS=mail)
    assert "sent a test" in alerting.filon("alerts", "--test")
    assert [subject for subject, _ in box.mails] == ["Ventes au détail: test"]
    away = replace(alerting, extra={"FILON_ALERTS": f"json://user:secret@127.0.0.1:{free_ports(1)[0]}"})
    answer = away.filon("alerts", "--test", exit_code=1)
    assert "json://…: " in answer
    assert "secret" not in answer
    assert "FILON_ALERTS" in replace(alerting, extra={}).filon("alerts", "--test", exit_code=2)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("fact_vente late", "no table `fact_vente`"),
        ("achats late", "`achats` promises no latency"),
        ("achat nothing arrived by 09:00", "there is no dataset `achat`"),
        ("kpi_ca_par_jour.ca outside 1..2", "has no figure `ca`"),
        ("fact_ventes.records_rejected > 1%", "is no dataset of records"),
        ("sometimes", "is no condition"),
    ],
)
def test_a_condition_that_does_not_fit_the_project_is_a_mistake(
    shop: Shop, tmp_path: Path, condition: str, message: str
) -> None:
    text = with_alerts(shop, tmp_path / "project", "run failed", condition).filon("check", exit_code=2)
    assert message in text
    assert "filon.yaml:" in text


def looked(shop: Shop, now: dt.datetime, *conditions: str, good: bool = False) -> AlertBook:
    """What a look at that time finds."""
    project = _with_conditions(shop, conditions)
    outcome = RunOutcome(None) if good else None
    return tell_alerts(Settings(threads=1), project, Lake(str(shop.lake)), now, outcome)


def _with_conditions(shop: Shop, conditions: Sequence[str]) -> Project:
    project = with_alerts(
        shop, shop.folder / f"project-{abs(hash(conditions))}-{len(list(shop.folder.iterdir()))}", *conditions
    )
    assert project.project is not None
    return load_project(project.project)


def test_alerts_that_follow_the_clock(shop: Shop) -> None:
    shop.run()
    arrived = dt.datetime.now(dt.UTC)
    late = "kpi_ca_par_mois late"
    assert not looked(shop, arrived, late, good=True).alerts[late].is_on
    assert not looked(shop, arrived + dt.timedelta(hours=23), late).alerts[late].is_on
    assert looked(shop, arrived + dt.timedelta(hours=25), late).alerts[late].is_on
    silence = "achats nothing arrived by 09:00"
    tomorrow = dt.datetime.combine(arrived.date() + dt.timedelta(days=2), dt.time(6), dt.UTC)
    assert not looked(shop, tomorrow, silence).alerts[silence].is_on
    found = looked(shop, tomorrow.replace(hour=12), silence).alerts[silence]
    assert found.is_on
    assert "nothing arrived today of achats (last " in found.what


def test_the_last_row_of_a_figure_has_a_band(shop: Shop) -> None:
    shop.run()
    band, outside = "kpi_ca_par_mois.ca_total outside 250..251", "kpi_ca_par_mois.ca_total outside 0..250"
    book = looked(shop, NOW, band, outside)
    assert not book.alerts[band].is_on
    assert book.alerts[outside].what == "kpi_ca_par_mois.ca_total is 250.50 at 2025-02"


def test_a_plan_tells_nobody(shop: Shop, tmp_path: Path, hook: tuple[Hook, str]) -> None:
    seen, web = hook
    shop.put("clients.csv", CLIENTS)
    shop.put("achats-2.csv", ALL_REJECTED)
    alerting = with_alerts(shop, tmp_path / "project", "records_rejected > 1%", FILON_ALERTS=web)
    alerting.filon("plan", "--as-of", "2026-01-01")
    assert seen.posted == []
    assert not (alerting.lake / "metadata" / "alerts.json").exists()


def test_alerts_that_cannot_be_looked_at_fail_the_run_and_say_why(shop: Shop, tmp_path: Path) -> None:
    alerting = with_alerts(shop, tmp_path / "project", "kpi_ca_par_mois.ca_total outside 0..1")
    alerting.run()
    flip(one_file(alerting, "gold", "kpi_ca_par_mois"))
    report = alerting.run(exit_code=1)
    assert report["status"] == "failed"
    assert "the alerts of the project could not be looked at" in report["error"]
    assert "kpi_ca_par_mois" in report["error"]
    assert alerting.run("--force")["status"] == "published"
