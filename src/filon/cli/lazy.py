"""Commands whose modules are imported when they are called, so that ``filon --help`` needs none of them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class LazyCommand(TyperCommand):
    """A command, or a group of commands, by its place in the code and the line that lists it.

    Args:
        name: its name on the command line
        place: ``module:attribute``, below ``filon.cli``: a function, or a Typer with commands
        summary: what it does, as the list of commands shows it

    """

    def __init__(self, name: str, place: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self._place = place

    @cached_property
    def real(self) -> Any:
        """The command itself."""
        module, _, attribute = self._place.partition(":")
        with _no_collector():
            found = getattr(import_module(f"filon.cli.{module}"), attribute)
        around = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=self.name)
            group: Any = typer.main.get_group(around)
            return group.commands[self.name]
        around.command(self.name)(found)
        return typer.main.get_command(around)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself, which is called in it."""
        return self.real.make_context(info_name, args, parent, **extra)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Switch Python's garbage collector off: what modules make while they are imported stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
