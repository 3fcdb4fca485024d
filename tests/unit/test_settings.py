"""Settings from the environment, and the place of what is kept for a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from filon.errors import ConfigError
from filon.settings import cache_folder, read_settings


def test_an_option_wins_over_a_variable_and_a_variable_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().serving_keep == 2
    monkeypatch.setenv("FILON_SERVING_KEEP", "5")
    assert read_settings(serving_keep=None).serving_keep == 5
    assert read_settings(serving_keep=7).serving_keep == 7


def test_a_variable_is_known_in_any_letter_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("filon_threads", "3")
    assert read_settings().threads == 3


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILON_THREADS", "")
    monkeypatch.setenv("FILON_GUARD", "yes")
    settings = read_settings()
    assert settings.threads is None
    assert settings.guard is True


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FILON_TREADS", "3", "did you mean `FILON_THREADS`"),
        ("FILON_THREADS", "three", "valid integer"),
        ("FILON_MEMORY_LIMIT", "much", "write a size"),
    ],
)
def test_a_variable_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message) as raised:
        read_settings()
    assert name in str(raised.value)


def test_kept_things_lie_in_the_cache_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "given"))
    assert cache_folder("projects") == tmp_path / "given" / "filon" / "projects"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder("projects") == tmp_path / ".cache" / "filon" / "projects"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "nothing"))
    assert cache_folder("projects") is None
