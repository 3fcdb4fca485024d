"""Reports of a project, sent by a mail server, into a folder, and to a program."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from openpyxl import load_workbook  # type: ignore[import-untyped]
from pypdf import PdfReader

from filon.cli.dashboard import api_server
from filon.cli.processes import Group
from filon.project.reports import Every, ReportRule
from filon.projects import retail
from filon.settings import read_settings
from tests.integration.conftest import ACHATS, CLIENTS, Shop, free_ports, surroundings

REPORTS = {
    "weekly": {"page": "apercu", "every": "day", "at": "00:00", "filters": {"pays": ["France"]}},
    "accounts": {"page": "chiffre_d_affaires", "format": "xlsx", "every": "day", "at": "00:00", "language": "en"},
}


@dataclass
class Mailbox:
    """The mails that a server took."""

    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@dataclass
class Office:
    """A shop with reports, whose API runs; ``port`` is where a mail server may listen."""

    shop: Shop
    port: int
    box: Mailbox = field(default_factory=Mailbox)

    @property
    def address(self) -> str:
        """Somebody who reads mail."""
        return f"mailto://127.0.0.1:{self.port}?from=filon@example.com&to=ada@example.com&mode=insecure"

    def open(self) -> Controller:
        """Start the mail server."""
        server = Controller(self.box, hostname="127.0.0.1", port=self.port)
        server.start()
        return server

    def send(self, *arguments: str, to: str, exit_code: int = 0) -> str:
        """Send what is due."""
        variables = {"FILON_REPORTS": to, "FILON_DASHBOARD_URL": "https://figures.example"}
        return replace(self.shop, extra={**self.shop.extra, **variables}).filon(
            "reports", "send", *arguments, exit_code=exit_code
        )


@pytest.fixture
def office(shop: Shop, tmp_path: Path) -> Iterator[Office]:
    """The demo with two reports."""
    project = tmp_path / "project"
    shutil.copytree(retail.FOLDER, project)
    file = project / "filon.yaml"
    file.write_text(file.read_text("utf-8") + f"reports: {json.dumps(REPORTS)}\n", "utf-8")
    api_port, mail_port = free_ports(2)
    variables = {
        "FILON_SERVING": f"sqlite:///{tmp_path / 'serving.db'}",
        "FILON_API_URL": f"http://127.0.0.1:{api_port}",
    }
    reporting = replace(shop, project=project, extra=variables)
    reporting.put("clients.csv", CLIENTS)
    reporting.put("achats.csv", ACHATS)
    reporting.run()
    api = Group()
    with surroundings(reporting.environment()):
        api.start(api_server(read_settings(api_port=api_port), api_port))
        try:
            yield Office(reporting, mail_port)
        finally:
            api.stop()


def _files(mail: EmailMessage) -> dict[str, bytes]:
    return {str(part.get_filename()): part.get_content() for part in mail.iter_attachments()}


def test_due_reports_are_mailed_once_with_a_link_that_keeps_the_release(office: Office) -> None:
    server = office.open()
    try:
        said = office.send(to=office.address)
        assert said.splitlines() == ["weekly: sent, release 1", "accounts: sent, release 1"]
        weekly, accounts = office.box.mails
        assert weekly["subject"] == "Ventes au détail: Vue d'ensemble"
        body = weekly.get_body(("plain", "html"))
        assert body is not None
        link = "https://figures.example/apercu?pays=France&lang=fr&release=1"
        assert link in body.get_content().replace("&amp;", "&")
        [(name, content)] = _files(weekly).items()
        assert name == "apercu-1.pdf"
        text = PdfReader(io.BytesIO(content)).pages[0].extract_text()
        assert "Vue d'ensemble" in text
        assert "Pays: France" in text
        [(name, content)] = _files(accounts).items()
        assert name == "chiffre_d_affaires-1.xlsx"
        assert load_workbook(io.BytesIO(content)).worksheets[0]["A1"].value == "Revenue"
        assert office.send(to=office.address) == ""
        assert len(office.box.mails) == 2
        assert office.send("weekly", to=office.address).strip() == "weekly: sent, release 1"
        assert len(office.box.mails) == 3
    finally:
        server.stop()
    assert "sent 20" in office.shop.filon("reports", "list")


def test_who_is_away_is_tried_again_and_the_others_are_not_sent_it_twice(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    both = f"{office.address} folder:{folder}"
    said = office.send("weekly", to=both, exit_code=1)
    assert "mailto://…" in said
    assert "not everybody has weekly" in said
    assert [file.name for file in folder.iterdir()] == ["apercu-1.pdf"]
    assert "after 1 attempts: mailto://…" in office.shop.filon("reports", "list")
    assert office.shop.run()["status"] == "unchanged", "no run depends on who reads"
    (folder / "apercu-1.pdf").unlink()
    server = office.open()
    try:
        assert "weekly: sent, release 1" in office.send(to=both)
    finally:
        server.stop()
    assert [name for mail in office.box.mails for name in _files(mail)] == ["apercu-1.pdf", "chiffre_d_affaires-1.xlsx"]
    assert [file.name for file in folder.iterdir()] == ["chiffre_d_affaires-1.xlsx"]


def test_a_program_reads_the_facts_and_the_file(office: Office, tmp_path: Path) -> None:
    program = tmp_path / "take"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/facts.json\n")
    program.chmod(0o755)
    office.send("weekly", to=f"command:{program}")
    facts = json.loads((tmp_path / "facts.json").read_text("utf-8"))
    assert (facts["project"], facts["release"], Path(facts["file"]).name) == ("retail", 1, "apercu-1.pdf")


def test_what_cannot_be_sent_is_said(office: Office, tmp_path: Path) -> None:
    assert "has no report nightly" in office.send("nightly", to=office.address, exit_code=2)
    assert "set FILON_REPORTS" in office.shop.filon("reports", "send", exit_code=2)
    (tmp_path / "file").write_text("no folder")
    assert "folder:" in office.send("weekly", to=f"folder:{tmp_path / 'file'}", exit_code=1)
    away = replace(
        office.shop, extra={**office.shop.extra, "FILON_API_URL": "http://127.0.0.1:9", "FILON_REPORTS": "folder:x"}
    )
    assert "127.0.0.1:9" in away.filon("reports", "send", "weekly", exit_code=1)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"page": "apercus"}, "there is no page `apercus`"),
        ({"page": "apercu", "filters": {"paye": "France"}}, "the page has no filter `paye`"),
        ({"page": "apercu", "every": "moonday"}, "every"),
        ({"page": "apercu", "at": "25:00"}, "at"),
        ({"page": "apercu", "to": "ada@example.com"}, "to"),
    ],
)
def test_a_mistaken_report_is_found_by_check(shop: Shop, tmp_path: Path, report: dict[str, Any], said: str) -> None:
    project = tmp_path / "project"
    shutil.copytree(retail.FOLDER, project)
    file = project / "filon.yaml"
    file.write_text(file.read_text("utf-8") + f"reports: {json.dumps({'weekly': report})}\n", "utf-8")
    output = replace(shop, project=project).filon("check", exit_code=2)
    assert said in output
    assert "filon.yaml:" in output


@pytest.mark.parametrize(
    ("every", "now", "due"),
    [
        (Every.DAY, "2026-03-05T06:30", "2026-03-05T07:00+01:00"),
        (Every.DAY, "2026-03-05T05:30", "2026-03-04T07:00+01:00"),
        (Every.MONDAY, "2026-03-05T06:30", "2026-03-02T07:00+01:00"),
        (Every.THURSDAY, "2026-03-05T05:59", "2026-02-26T07:00+01:00"),
        (Every.MONTH, "2026-03-05T06:30", "2026-03-01T07:00+01:00"),
        (Every.DAY, "2026-03-29T06:00", "2026-03-29T07:00+02:00"),
    ],
)
def test_a_report_falls_due_in_the_time_of_the_project(every: Every, now: str, due: str) -> None:
    rule = ReportRule(page="apercu", every=every)
    moment = dt.datetime.fromisoformat(f"{now}+00:00")
    assert rule.due(moment, ZoneInfo("Europe/Paris")) == dt.datetime.fromisoformat(due)
