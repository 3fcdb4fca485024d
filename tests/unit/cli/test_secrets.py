"""Secrets are random, made once, and in files that only their owner reads."""

from __future__ import annotations

import contextlib
import stat
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from filon.cli import secrets
from filon.cli.secrets import ensure_secrets, format_variables, random_secret, read_variables
from filon.errors import ConfigError


def init(folder: Path, *options: str) -> str:
    """Run the command in a folder."""
    with contextlib.chdir(folder):
        around = typer.Typer()
        around.add_typer(secrets.app, name="secrets")
        result = CliRunner().invoke(around, ["secrets", "init", *options], catch_exceptions=False)
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an example."""
    (tmp_path / ".env.example").write_text("# comment=\nPORT=80\n\nONE_PASSWORD=\nTWO_PASSWORD=\n")
    return tmp_path


def test_every_name_without_a_value_gets_a_secret_of_its_own(folder: Path) -> None:
    init(folder)
    variables = read_variables(folder / ".env")
    assert variables["PORT"] == "80"
    assert set(variables) == {"PORT", "ONE_PASSWORD", "TWO_PASSWORD"}
    assert len(variables["ONE_PASSWORD"]) == 48
    assert variables["ONE_PASSWORD"] != variables["TWO_PASSWORD"]
    assert (folder / ".env").read_text().startswith("# comment=\n")


def test_only_the_owner_reads_the_file(folder: Path) -> None:
    init(folder)
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


def test_nothing_is_overwritten_unless_it_is_asked_for(folder: Path) -> None:
    init(folder)
    before = (folder / ".env").read_text()
    with pytest.raises(ConfigError, match="--force"):
        init(folder)
    assert (folder / ".env").read_text() == before
    init(folder, "--force")
    assert (folder / ".env").read_text() != before


def test_no_secret_is_printed(folder: Path) -> None:
    printed = init(folder)
    assert read_variables(folder / ".env")["ONE_PASSWORD"] not in printed


def test_without_an_example_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \.env\.example here"):
        init(tmp_path)


def test_secrets_that_are_known_stay_and_new_ones_are_added(tmp_path: Path) -> None:
    file = tmp_path / "services" / "secrets.env"
    first = ensure_secrets(file, ["A"])
    second = ensure_secrets(file, ["A", "B"])
    assert second["A"] == first["A"]
    assert ensure_secrets(file, ["A", "B"]) == second
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_variables_are_read_as_a_shell_reads_them(tmp_path: Path) -> None:
    variables = {"LAKE": "s3://{layer}", "PROJECT": "/a folder/it's", "EMPTY": ""}
    (tmp_path / "env").write_text(format_variables(variables))
    assert read_variables(tmp_path / "env") == variables
    script = 'set -a; . ./env; printf "%s|%s|%s" "$LAKE" "$PROJECT" "$EMPTY"'
    completed = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert completed.stdout == "|".join(variables.values())


def test_a_secret_needs_no_escaping() -> None:
    assert random_secret().isalnum()


def test_a_name_without_a_value_gets_one_and_a_damaged_file_is_said(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("ONE=kept\nTWO=\n")
    secrets = ensure_secrets(file, ["ONE", "TWO"])
    assert (secrets["ONE"], len(secrets["TWO"])) == ("kept", 48)
    assert read_variables(file) == secrets
    file.write_text("ONE='kept\n")
    with pytest.raises(ConfigError, match=r"secrets\.env cannot be read \(No closing quotation\)"):
        ensure_secrets(file, ["ONE"])
