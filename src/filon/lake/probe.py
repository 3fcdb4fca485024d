"""Test whether an object store honours create-only writes, which ledger and releases rely on."""

from __future__ import annotations

from filon.errors import LakeUnavailable, LakeUnsafe
from filon.lake.location import Location
from filon.threads import side_by_side

WRITERS = 4


def probe_creation(place: Location, name: str) -> None:
    """Create one object by several concurrent writers, then by one more; LakeUnsafe unless exactly one succeeds."""
    contents = [f"writer {number}".encode() for number in range(WRITERS)]
    try:
        created = sum(side_by_side(lambda content: place.create(name, content), contents, WRITERS))
        created += place.create(name, b"one writer too late")
    except LakeUnavailable as error:
        if "NotImplemented" not in str(error):
            raise
        raise _unsafe(place, "does not know conditional writes") from error
    finally:
        place.delete([name])
    if created != 1:
        raise _unsafe(place, f"let {created} of {WRITERS + 1} writers create the same object")


def _unsafe(place: Location, what: str) -> LakeUnsafe:
    return LakeUnsafe(
        f"{place.uri}: the object store {what}, so two runs could lose each other's releases. "
        "Use one that honours If-None-Match: AWS S3, SeaweedFS from 4.43, MinIO from 2024-11, Ceph, R2."
    )
