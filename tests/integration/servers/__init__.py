"""Real servers on loopback, from the locked packages."""

from tests.integration.servers.mongod import Mongod
from tests.integration.servers.object_store import ObjectStore
from tests.integration.servers.prefect import PrefectServer
from tests.integration.servers.replica_set import ReplicaSet, replica_set

__all__ = ["Mongod", "ObjectStore", "PrefectServer", "ReplicaSet", "replica_set"]
