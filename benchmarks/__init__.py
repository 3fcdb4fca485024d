"""Measurements of Filon against hand-written references."""
