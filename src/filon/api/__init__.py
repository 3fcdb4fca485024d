"""The REST API: a few generic endpoints, made from the contracts, over a store that serves releases."""

from filon.api.app import create_app, keys_path, secret_of
from filon.api.security import ApiKey, KeyFile, Scope

__all__ = ["ApiKey", "KeyFile", "Scope", "create_app", "keys_path", "secret_of"]
