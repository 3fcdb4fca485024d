"""What the Makefile hands on to the programs that install."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def installing(folder: Path, **variables: str) -> str:
    """The command that fetches the installer into a new environment."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("SSL_CERT_FILE", "UV_SYSTEM_CERTS")}
    printed = subprocess.run(
        [
            "make",
            "--dry-run",
            "--makefile",
            str(ROOT / "Makefile"),
            f"VENV={folder}",
            f"PYTHON={sys.executable}",
            "demo",
        ],
        cwd=ROOT,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return next(line for line in printed.splitlines() if "-m pip" in line)


@pytest.mark.parametrize("name", ["company.pem", "my company.pem"])
def test_the_installer_trusts_the_authority_of_a_company(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    assert f'--cert "{file}"' in installing(tmp_path, SSL_CERT_FILE=str(file))
    assert f'--cert "{file}"' in installing(tmp_path, SSL_CERT_FILE=str(file), UV_SYSTEM_CERTS="1")


def test_the_installer_trusts_the_authorities_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    paths = ssl.get_default_verify_paths()
    assert f'--cert "{paths.cafile or paths.capath}"' in installing(tmp_path, UV_SYSTEM_CERTS="1")
    assert "--cert" not in installing(tmp_path)
