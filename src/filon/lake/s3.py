"""S3 by the standard AWS settings: read once, and converted to the options of every client that is used.

boto3 finds the credentials in the AWS chain (variables, profiles, web identity, containers, instances). The clients are
obstore for documents, deltalake for tables and the engine for Parquet files; their options have different names.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.store import S3Store

from filon.errors import ConfigError, LakeRefused, LakeUnavailable

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.credentials import Credentials
    from obstore.store import ClientConfig

TRUSTED = "SSL_CERT_FILE"
DEFAULT_REGION = "us-east-1"
GIVE_UP_AFTER = dt.timedelta(seconds=30)
"""How long a request is tried again: a server that restarts takes seconds until it has all its objects again."""
RETRIES = 1_000
"""More than there is time for: waits are random, so a number of them would end after one second or after twenty."""
BOTO_ATTEMPTS = 8
FIRST_WAIT = dt.timedelta(milliseconds=100)
LONGEST_WAIT = dt.timedelta(seconds=2)
WAIT_GROWTH = 3
"""A wait is drawn between the first one and the last one times this, so it must be above 2 for waits to grow."""
CONNECT_TIMEOUT = dt.timedelta(seconds=5)
REQUEST_TIMEOUT = dt.timedelta(seconds=60)
CREDENTIALS_LAST = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Keys:
    """Credentials at a point in time; those of a role are renewed from time to time."""

    key_id: str
    secret: str
    token: str | None


@dataclass(frozen=True)
class S3:
    """An object store: ``endpoint`` is None for that of AWS; ``ca_file`` holds certificates to trust."""

    session: Session
    credentials: Credentials
    region: str
    endpoint: str | None
    path_style: bool
    ca_file: Path | None

    @property
    def is_plain(self) -> bool:
        """Whether the endpoint is used without TLS."""
        return self.endpoint is not None and self.endpoint.startswith("http://")

    def keys(self) -> Keys:
        """The current credentials; LakeRefused when those of a role or command cannot be renewed."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            frozen = self.credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise LakeRefused(
                f"no credentials for S3 any more: {_one_line(error)}. Check where they come from."
            ) from error
        return Keys(str(frozen.access_key), str(frozen.secret_key), frozen.token)

    def store(self, uri: str) -> S3Store:
        """The obstore client for the objects under ``s3://bucket/prefix``."""
        bucket, prefix = bucket_and_prefix(uri)
        client: ClientConfig = {
            "allow_http": self.is_plain,
            "connect_timeout": CONNECT_TIMEOUT,
            "timeout": REQUEST_TIMEOUT,
        }
        if self.ca_file:
            client["root_certificate"] = self.ca_file.read_bytes()
        return S3Store(
            bucket,
            prefix=prefix or None,
            config={
                "region": self.region,
                "virtual_hosted_style_request": not self.path_style,
                **({"endpoint": self.endpoint} if self.endpoint else {}),
            },
            client_options=client,
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": GIVE_UP_AFTER,
                "backoff": {"init_backoff": FIRST_WAIT, "max_backoff": LONGEST_WAIT, "base": WAIT_GROWTH},
            },
            credential_provider=self._obstore_keys,
        )

    def delta_options(self) -> dict[str, str]:
        """The storage options of deltalake; they contain the current credentials."""
        keys = self.keys()
        return {
            "AWS_ACCESS_KEY_ID": keys.key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            **({"AWS_SESSION_TOKEN": keys.token} if keys.token else {}),
            **({"AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else {}),
            "AWS_REGION": self.region,
            "AWS_ALLOW_HTTP": str(self.is_plain).lower(),
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": str(not self.path_style).lower(),
            "aws_conditional_put": "etag",
            "connect_timeout": f"{CONNECT_TIMEOUT.seconds}s",
            "timeout": f"{REQUEST_TIMEOUT.seconds}s",
            "max_retries": str(RETRIES),
            "retry_timeout": f"{GIVE_UP_AFTER.seconds}s",
            "backoff_config.init_backoff": f"{FIRST_WAIT.microseconds // 1000}ms",
            "backoff_config.max_backoff": f"{LONGEST_WAIT.seconds}s",
            "backoff_config.base": str(WAIT_GROWTH),
        }

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """A context in which deltalake trusts ``ca_file``; it reads it only from the variable ``SSL_CERT_FILE``.

        The variable is set no longer than needed, since in other clients it replaces the certificates of the system.
        """
        before = os.environ.get(TRUSTED)
        if self.ca_file is not None:
            os.environ[TRUSTED] = str(self.ca_file)
        try:
            yield
        finally:
            if self.ca_file is not None:
                os.environ.pop(TRUSTED)
                os.environ.update({TRUSTED: before} if before is not None else {})

    def make_bucket(self, name: str) -> None:
        """Create a bucket unless it exists.

        LakeRefused when that is not allowed, LakeUnavailable when the object store does not answer.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._client()
        try:
            client.head_bucket(Bucket=name)
        except ClientError as error:
            if _status(error) == 403:
                raise LakeRefused(f"s3://{name}: the object store refuses these credentials. {_HELP}") from error
            if _status(error) != 404:
                raise _unanswered(name, error) from error
            self._create_bucket(client, name)
        except BotoCoreError as error:
            raise _unanswered(name, error) from error

    def drop_uploads(self, uri: str, before: dt.datetime) -> None:
        """Abort multipart uploads that were begun before then and never ended: their parts use storage."""
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, prefix = bucket_and_prefix(uri)
        client = self._client()
        try:
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < before:
                        with suppress(client.exceptions.NoSuchUpload):  # it ended meanwhile
                            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        except client.exceptions.NoSuchBucket:
            return
        except ClientError as error:
            if _status(error) == 403:
                raise LakeRefused(
                    f"s3://{bucket}: {_one_line(error)}. Let the credentials list and abort uploads."
                ) from error
            raise _unanswered(bucket, error) from error
        except BotoCoreError as error:
            raise _unanswered(bucket, error) from error

    def _create_bucket(self, client: Any, name: str) -> None:
        from botocore.exceptions import ClientError

        place: Any = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        try:
            client.create_bucket(Bucket=name, **(place if self.region != DEFAULT_REGION else {}))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "BucketAlreadyOwnedByYou":
                return  # another run created it meanwhile
            raise LakeRefused(f"s3://{name} is not there and cannot be created: {_one_line(error)}. {_HELP}") from error

    def _client(self) -> Any:
        from botocore.config import Config

        self.keys()  # credentials that cannot be renewed raise their own error here, not that of a silent server
        return self.session.client(
            "s3",
            region_name=self.region,
            endpoint_url=self.endpoint,
            verify=str(self.ca_file) if self.ca_file else None,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT.seconds,
                read_timeout=REQUEST_TIMEOUT.seconds,
                retries={"mode": "standard", "max_attempts": BOTO_ATTEMPTS},
                s3={"addressing_style": "path" if self.path_style else "virtual"},
            ),
        )

    def _obstore_keys(self) -> Any:
        keys = self.keys()
        return {
            "access_key_id": keys.key_id,
            "secret_access_key": keys.secret,
            "token": keys.token,
            "expires_at": dt.datetime.now(dt.UTC) + CREDENTIALS_LAST,
        }


_HELP = "Check the policy of the credentials, or create the bucket."


def open_s3() -> S3:
    """The object store of the ``AWS_`` variables; ConfigError when there are no credentials."""
    return _opened(tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))))


@lru_cache(maxsize=4)
def _opened(variables: tuple[tuple[str, str], ...]) -> S3:
    # boto3 is slow to import, and a lake on a disk never needs it
    from boto3 import Session
    from botocore.exceptions import BotoCoreError

    settings = dict(variables)
    try:
        session = Session(region_name=settings.get("AWS_REGION") or settings.get("AWS_DEFAULT_REGION"))
        credentials = session.get_credentials()
        region = session.region_name or DEFAULT_REGION
        client = session.client("s3", region_name=region)
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"the AWS settings cannot be used: {_one_line(error)}") from error
    if credentials is None:
        raise ConfigError(
            "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in AWS_PROFILE"
        )
    endpoint = _own_endpoint(client.meta.endpoint_url)
    style = (client.meta.config.s3 or {}).get("addressing_style", "auto")
    return S3(
        session=session,
        credentials=credentials,
        region=region,
        endpoint=endpoint,
        path_style=style == "path" or (endpoint is not None and style != "virtual"),
        ca_file=_ca_file(settings, session),
    )


def bucket_and_prefix(uri: str) -> tuple[str, str]:
    """Bucket and prefix of ``s3://bucket/prefix``. The prefix is not percent-encoded and may hold any character."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix


def _own_endpoint(url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    return None if host.endswith((".amazonaws.com", ".amazonaws.com.cn")) else url.rstrip("/")


def _ca_file(settings: dict[str, str], session: Session) -> Path | None:
    configured = settings.get("AWS_CA_BUNDLE") or session._session.get_config_variable("ca_bundle")  # noqa: SLF001
    if not configured:
        return None
    path = Path(configured).expanduser()
    if not path.is_file():
        raise ConfigError(f"AWS_CA_BUNDLE names {path}, which is no file")
    return path


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _unanswered(bucket: str, error: Exception) -> LakeUnavailable:
    return LakeUnavailable(
        f"s3://{bucket}: the object store does not answer: {_one_line(error)}. "
        "Check AWS_ENDPOINT_URL and that it runs; run again."
    )
