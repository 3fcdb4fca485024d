"""The version of Filon."""

__version__ = "0.1.0"
