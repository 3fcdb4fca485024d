"""Columns of facts in the store, in chunks by month, and the answers to analyses that are computed from them.

``writing`` asks the engine what changed and hands chunks to the loader, ``chunks`` is how they are spelled, ``memory``
makes arrays of them, ``groups`` and ``sums`` are the arithmetic, ``analysing`` answers a question.
"""
