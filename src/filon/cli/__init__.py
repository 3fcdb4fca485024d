"""The command line: the only place that prints."""

from filon.cli.app import main

__all__ = ["main"]
