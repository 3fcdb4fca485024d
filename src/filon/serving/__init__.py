"""Serving: a release in a store that many readers ask at once, each of them seeing one release and no other."""
