"""How sure a write must be, and what is read: only that which no election of a replica set takes back.

A server that stands alone keeps both to itself: a write is in its journal, on its disk, before it counts.
"""

from __future__ import annotations

from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

ON_MOST = WriteConcern(w="majority", j=True)
OF_MOST = ReadConcern("majority")
