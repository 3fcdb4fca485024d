"""Places of the lake as Spark's file systems name them."""

from __future__ import annotations

import re

from filon.errors import EngineError

S3, S3A, LOCAL = "s3://", "s3a://", "file://"


def uri_of(path: str) -> str:
    """A path as ``Location.path_of`` spells it, for Spark; EngineError when it leaves its folder."""
    if ".." in path.split("/"):
        raise EngineError(f"{path} is no file of the lake: a document of it was changed by somebody else")
    if path.startswith(S3):
        return S3A + path.removeprefix(S3)
    return path if "://" in path else LOCAL + path


def glob_free(uri: str) -> str:
    """A URI in which Hadoop sees no wildcard."""
    return re.sub(r"[\[\]{}*?\\]", r"\\\g<0>", uri)
