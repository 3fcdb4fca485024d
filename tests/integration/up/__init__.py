"""The whole stack on this machine, with real processes."""
