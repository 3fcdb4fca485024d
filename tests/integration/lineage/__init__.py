"""OpenLineage events of real runs."""
