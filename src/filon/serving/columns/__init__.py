"""Columns of facts in the store, in chunks by month, and the answers to analyses that are computed from them.

``stored`` is their table, ``selecting`` the SQL of the columns, ``writing`` finds what changed and makes chunks of it,
``chunks`` is their format, ``memory`` makes arrays of them (by ``arrays``), ``groups`` and ``sums`` are the arithmetic,
``analysing`` answers a question.
"""
