"""Histories of a small project: after any of them, every table equals the one that a lake without a past would have."""
