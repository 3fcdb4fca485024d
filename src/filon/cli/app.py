"""The command ``filon``, and the list of its commands."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated

import typer

from filon.cli.lazy import LazyCommand
from filon.errors import FilonError, FlowsUnavailable, SystemFailed
from filon.version import __version__

COLLECTED_AFTER = 100_000
"""New objects after which Python looks for unused cycles: after its own 700, of many files a tenth of a run."""
app = typer.Typer(
    name="filon",
    help="Raw CSV in, gold that people can trust out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS = (
    LazyCommand("demo", "pipeline:demo", "Generate sample data, run the pipeline on it, and serve API and dashboard."),
    LazyCommand("generate", "pipeline:generate", "Write sample CSV files for the retail project."),
    LazyCommand("run", "pipeline:run", "Bring the published tables up to date with the sources."),
    LazyCommand("plan", "differences:plan", "Show what a run would change, and publish nothing."),
    LazyCommand("status", "lake:status", "Show what is published, and how the last run went."),
    LazyCommand("releases", "lake:releases_app", "List the releases that are kept, or compare two."),
    LazyCommand("rollback", "lake:rollback", "Publish an older release again, as a new one."),
    LazyCommand("quarantine", "quarantine:app", "What was refused, why, and trying it again."),
    LazyCommand("retract", "lake:retract", "Take back a file, or let it count again."),
    LazyCommand("forget", "forget:forget", "Erase a person from everything that Filon holds."),
    LazyCommand("show", "data:show", "Show rows of a table, in the order of its key."),
    LazyCommand("sql", "data:sql", "Answer a SELECT over the tables of a release."),
    LazyCommand("explain", "data:explain", "Explain a row: what it was computed from."),
    LazyCommand("compact", "lake:compact", "Write small files of tables together."),
    LazyCommand("sweep", "lake:sweep", "Delete old releases, and files that no release needs."),
    LazyCommand("verify", "verify:verify", "Read all that a release names, and say what is damaged."),
    LazyCommand("api", "serve:api", "Serve the REST API."),
    LazyCommand("apikey", "serve:apikey", "Keys that open the API."),
    LazyCommand("dashboard", "dashboard:dashboard", "Serve the dashboard, over an API that runs already."),
    LazyCommand("alerts", "alerts:alerts", "Look whether alerts hold, and tell people what changed."),
    LazyCommand("reports", "reports:app", "Pages as files, sent to people by the calendar."),
    LazyCommand("mcp", "mcp:mcp", "Answer models and agents, over an API that runs already."),
    LazyCommand("flows", "flows:app", "The pipeline under Prefect 3."),
    LazyCommand("up", "up:up", "Run the whole stack on this machine."),
    LazyCommand("secrets", "secrets:app", "Passwords and keys of the services."),
    LazyCommand("init", "init:init", "Start a project from files."),
    LazyCommand("check", "project:check", "Compile a project without data."),
    LazyCommand("test", "project:test", "Run the tests of a project's models."),
    LazyCommand("schema", "project:schema", "Write JSON schemas, by which editors complete words."),
)
"""All of them, in the order in which ``filon --help`` lists them."""


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop")] = False,
) -> None:
    """Raw CSV in, gold that people can trust out."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def command() -> typer.core.TyperGroup:
    """The command line with all its commands, none of which is imported yet."""
    group = typer.main.get_command(app)
    if not isinstance(group, typer.core.TyperGroup):
        raise TypeError("the command line is a group of commands")
    for item in COMMANDS:
        group.add_command(item)
    return group


def main() -> None:
    """Run the command line: an error is printed as one message on standard error, and decides the exit code."""
    _save_time()
    try:
        command()()
    except FlowsUnavailable as error:
        _print_error(str(error))
        sys.stdout.flush()
        os._exit(error.exit_code)  # sys.exit would wait minutes while Prefect retries sending events to its server
    except FilonError as error:
        _print_error(str(error))
        sys.exit(error.exit_code)
    except OSError as error:  # of a file that no other FilonError covers
        failed = SystemFailed(error, error.filename or "what was being written, or the file that takes the output")
        _print_error(str(failed))
        sys.exit(failed.exit_code)


def _save_time() -> None:
    """Leave out what Python and pydantic do for programs that run long or use more of them: a command is soon over."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # none is used, and to look for some takes long
    gc.set_threshold(COLLECTED_AFTER)
    atexit.register(gc.freeze)  # what the system takes back with the process need not be searched for cycles


def _print_error(message: str) -> None:
    from rich.console import Console  # slow to import

    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"error: {message}", style="red")
