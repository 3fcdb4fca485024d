"""The command ``filon``: its sub-commands, in the order in which ``filon --help`` lists them."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from filon.cli import (
    dashboard,
    data,
    differences,
    flows,
    init,
    lake,
    mcp,
    pipeline,
    project,
    quarantine,
    secrets,
    serve,
    verify,
)
from filon.cli.up import up
from filon.errors import FilonError, FlowsUnavailable, SystemFailed
from filon.version import __version__

app = typer.Typer(
    name="filon",
    help="Raw CSV in, gold that people can trust out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(pipeline.demo)
app.command()(pipeline.generate)
app.command()(pipeline.run)
app.command()(differences.plan)
app.command()(lake.status)
app.add_typer(lake.releases_app, name="releases")
app.command()(lake.rollback)
app.add_typer(quarantine.app, name="quarantine")
app.command()(lake.retract)
app.command()(data.show)
app.command()(data.sql)
app.command()(data.explain)
app.command()(lake.compact)
app.command()(lake.sweep)
app.command()(verify.verify)
app.command()(serve.api)
app.add_typer(serve.apikey, name="apikey")
app.command()(dashboard.dashboard)
app.command()(mcp.mcp)
app.add_typer(flows.app, name="flows")
app.command()(up)
app.add_typer(secrets.app, name="secrets")
app.command()(init.init)
app.command()(project.check)
app.command()(project.test)
app.command()(project.schema)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop")] = False,
) -> None:
    """Raw CSV in, gold that people can trust out."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line: an error is printed as one message on standard error, and decides the exit code."""
    try:
        app()
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


def _print_error(message: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"error: {message}", style="red")
