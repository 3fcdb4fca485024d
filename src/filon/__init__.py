"""Filon: raw CSV in, gold that people can trust out."""

__version__ = "0.1.0"
