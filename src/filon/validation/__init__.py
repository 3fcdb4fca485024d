"""Whether a project can run: its SQL compiled without data, its models tried on given rows."""
