"""Settings: options of the command line, else ``FILON_`` variables, else defaults under ``./.filon/``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from filon.errors import ConfigError


class Settings(BaseSettings):
    """What a command needs to know about its surroundings. Read when a command starts, never at import."""

    model_config = SettingsConfigDict(env_prefix="FILON_", frozen=True, extra="ignore")

    project: Path | None = Field(
        default=None,
        description="Project folder; the current folder if it holds filon.yaml, else the shipped retail project",
    )
    sources: str | None = Field(
        default=None,
        description="Where the CSV files are; else what filon.yaml says, else .filon/PROJECT/sources",
    )
    lake: str | None = Field(default=None, description="Where tables and metadata are kept; else .filon/PROJECT/lake")
    engine: Literal["duckdb"] = Field(default="duckdb", description="What computes")
    memory_limit: str = Field(
        default="2GB",
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="Memory of the engine; beyond it, it uses the workspace",
    )
    threads: int | None = Field(default=None, ge=1, description="Threads of the engine; else one per core")
    workspace: Path | None = Field(default=None, description="Folder for temporary files; else the system's")


def read_settings(**options: object) -> Settings:
    """Settings with these options laid over the environment; ConfigError names what cannot be used."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']} (given: {mistake['input']!r}); "
            f"set --{mistake['loc'][0]} or FILON_{str(mistake['loc'][0]).upper()}".replace("_", "-", 0)
            for mistake in error.errors(include_url=False)
        ]
        raise ConfigError("\n".join(lines)) from None
