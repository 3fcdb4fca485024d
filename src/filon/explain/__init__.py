"""Where a published row comes from: the rows, files and records that it was computed from."""
