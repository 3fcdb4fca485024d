"""The accounts of a MongoDB server of our own: one that administers, one that loads, one that only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from filon.errors import StoreUnavailable
from filon.serving.mongo.store import DATABASE

ADMIN, WRITER, READER = "admin", "writer", "reader"
ROLES = {WRITER: ["readWrite", "dbAdmin"], READER: ["read"]}
AUTHENTICATION_FAILED = 18
ANSWER_MS = 1_000


def address_of(account: str, password: str, port: int) -> str:
    """The address of the database for an account, on this machine."""
    return f"mongodb://{account}:{password}@127.0.0.1:{port}/{DATABASE}"


def ensure_accounts(port: int, passwords: Mapping[str, str]) -> bool:
    """Give the accounts these passwords; False while the server does not answer.

    StoreUnavailable when the server has an administrator with another password.
    """
    try:
        if not _knows_admin(port, passwords[ADMIN]):
            _create_admin(port, passwords[ADMIN])
        with _client(port, ADMIN, passwords[ADMIN]) as client:
            database = client[DATABASE]
            known = {user["user"] for user in database.command("usersInfo")["users"]}
            for name, roles in ROLES.items():
                verb = "updateUser" if name in known else "createUser"
                database.command(verb, name, pwd=passwords[name], roles=roles)
    except ConnectionFailure:
        return False
    return True


def _knows_admin(port: int, password: str) -> bool:
    with _client(port, ADMIN, password) as client:
        try:
            client.admin.command("ping")
        except OperationFailure as error:
            if error.code != AUTHENTICATION_FAILED:
                raise
            return False
    return True


def _create_admin(port: int, password: str) -> None:
    """The first account of a server may be made from its own machine without one; no second one may."""
    with _client(port) as client:
        try:
            client.admin.command("createUser", ADMIN, pwd=password, roles=["root"])
        except OperationFailure as error:
            raise StoreUnavailable(
                "MongoDB has an administrator whose password is not the one kept here. "
                "Put back the file of secrets that belongs to this data."
            ) from error


def _client(port: int, user: str | None = None, password: str | None = None) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        "127.0.0.1", port, username=user, password=password, serverSelectionTimeoutMS=ANSWER_MS, directConnection=True
    )
