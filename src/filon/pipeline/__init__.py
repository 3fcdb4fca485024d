"""One run from sources to a served release, and what it reports."""
