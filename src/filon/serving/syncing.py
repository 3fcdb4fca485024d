"""``_sync_metadata``: what plain readers of a store learn about each of its tables."""

from __future__ import annotations

from typing import Any

from filon.serving.state import ServedState

SYNC_TABLE = "_sync_metadata"


def sync_documents(state: ServedState) -> list[dict[str, Any]]:
    """One document per served table, without those that Filon keeps for itself."""
    return [
        {
            "collection_name": table.table,
            "gold_object": f"gold/{table.table}",
            "source_hash": table.fingerprint,
            "row_count": table.rows,
            "last_sync": table.synced_at,
            "gold_processed_at": table.gold_at,
            "refresh_time_seconds": round(table.refresh_seconds, 3),
            "release": state.release,
            "stats": {"duration_s": table.duration_s, "checks_passed": table.passed, "checks_warned": table.warned},
        }
        for table in state.tables.values()
        if not table.table.startswith("_")
    ]
