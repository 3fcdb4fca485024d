"""``filon secrets init``, and random secrets in files that only their owner can read."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from filon.errors import ConfigError
from filon.private import write_private

EXAMPLE = Path(".env.example")
TARGET = Path(".env")

app = typer.Typer(help="Passwords and keys of the services.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Passwords and keys of the services."""


@app.command()
def init(
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite .env: running services keep their old ones")
    ] = False,
) -> None:
    """Write .env for compose: the names of .env.example, with a random secret wherever it has no value."""
    if not EXAMPLE.is_file():
        raise ConfigError(f"there is no {EXAMPLE} here; run this in the folder that holds compose.yaml")
    if TARGET.exists() and not force:
        raise ConfigError(f"{TARGET} is there already; --force overwrites it")
    lines = [_fill(line) for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    write_private(TARGET, "\n".join(lines) + "\n")
    typer.echo(f"wrote {TARGET}, which only you can read; keep a copy of it where you keep other secrets")


def ensure_secrets(path: Path, names: Iterable[str]) -> dict[str, str]:
    """The secrets of a file by name; missing ones are generated and format_variables to it.

    ConfigError when the file does not hold ``NAME=value`` lines.
    """
    try:
        existing = read_variables(path) if path.exists() else {}
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read ({error}); write NAME=value lines, or put your copy back") from None
    complete = existing | {name: random_secret() for name in names if not existing.get(name)}
    if complete != existing:
        write_private(path, format_variables(complete))
    return complete


def random_secret() -> str:
    """192 random bits as hexadecimal digits, which need no escaping in URLs or shells."""
    return secrets.token_hex(24)


def read_variables(path: Path) -> dict[str, str]:
    """The variables of a file of ``NAME=value`` lines, parsed as a shell does."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, value in pairs}


def format_variables(variables: dict[str, str]) -> str:
    """Variables as ``NAME=value`` lines, quoted for a shell."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def _fill(line: str) -> str:
    return line + random_secret() if line.endswith("=") and not line.startswith("#") else line
