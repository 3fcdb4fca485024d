"""The rows, files and records that a published row was computed from; and the content of the quarantine."""
