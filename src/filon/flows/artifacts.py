"""Artifacts of a run in Prefect: a summary, a table of quality, and links to the dashboard and the API."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from filon.pipeline.report import RunReport
from filon.settings import Settings

LONGEST = 300
SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~])")


def create_artifacts(report: RunReport, settings: Settings, project: str) -> None:
    """Create all artifacts of a run.

    Args:
        report: the report of the run
        settings: the addresses of the dashboard and the API
        project: the name of the project, part of the keys of the artifacts

    """
    create_markdown_artifact(summary(report, project), key=key_of(project, "run"), description="The run in short")
    if rows := quality(report):
        create_table_artifact(rows, key=key_of(project, "quality"), description="Rows of each dataset, over all files")
    create_link_artifact(settings.dashboard_url or _dashboard(settings), "Dashboard", key=key_of(project, "dashboard"))
    create_link_artifact(f"{settings.api_url.rstrip('/')}/docs", "API", key=key_of(project, "api"))


def key_of(project: str, what: str) -> str:
    """The key of an artifact in the form that Prefect requires: lower-case letters, digits, dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"filon-{project}-{what}".lower()).strip("-")


def summary(report: RunReport, project: str) -> str:
    """The report of a run as Markdown."""
    facts = [
        ("Status", report.status.value),
        ("Release", report.release or "none"),
        ("As of", report.as_of),
        ("Engine", report.engine),
        ("Duration", f"{report.duration_s:.2f} s"),
        ("Run", report.run_id),
    ]
    lines = [f"# {plain(project)}: {plain(outcome(report))}", ""]
    lines += _table(("", ""), [(name, plain(value)) for name, value in facts])
    if report.error:
        lines += ["", "## Error", "", *(plain(line) + "  " for line in report.error.splitlines())]
    if refused := [file for file in report.files if file.status == "quarantined"]:
        lines += ["", "## Quarantined files", ""]
        lines += _table(
            ("File", "Reason", "Detail"), ((plain(f.file), plain(f.reason), plain(f.detail)) for f in refused)
        )
    if report.tables:
        lines += ["", "## Tables", ""]
        built = ((plain(t.layer), plain(t.table), t.status.value, f"{t.rows:,}") for t in report.tables)
        lines += _table(("Layer", "Table", "Status", "Rows"), built)
    if failing := [check for check in report.checks if check.failed_rows]:
        lines += ["", "## Checks that found something", ""]
        failed = ((plain(c.table), plain(c.check), c.status.value, f"{c.failed_rows:,}") for c in failing)
        lines += _table(("Table", "Check", "Status", "Rows"), failed)
    return "\n".join(lines) + "\n"


def quality(report: RunReport) -> list[dict[str, str | int]]:
    """A row per dataset: its counts of records, and the reasons of rejected ones."""
    return [
        {
            "dataset": line.dataset,
            "read": line.read,
            "accepted": line.accepted,
            "superseded": line.superseded,
            "rejected": line.rejected,
            "rejected because": ", ".join(f"{reason}: {count}" for reason, count in line.reasons.items()),
        }
        for line in report.datasets
    ]


def outcome(report: RunReport) -> str:
    """The status and release of a run, or its error, in one line."""
    if report.error:
        return shortened(report.error)
    if report.status.value == "stopped":
        return "stopped before a release, as asked"
    return f"{report.status.value}, release {report.release}"


def plain(value: object) -> str:
    """A value as one line of text, escaped for Markdown and cut after ``LONGEST`` characters; None is empty."""
    return SPECIAL.sub(r"\\\1", shortened(str("" if value is None else value)))


def shortened(text: str) -> str:
    """A text as one line, cut after ``LONGEST`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _dashboard(settings: Settings) -> str:
    return f"http://{settings.dashboard_host}:{settings.dashboard_port}"
