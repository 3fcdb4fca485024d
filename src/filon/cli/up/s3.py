"""Whether an object store of our own is ready."""

from __future__ import annotations

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PATIENCE = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}, proxies={})


def knows_key(endpoint: str, key: str, secret: str, region: str) -> bool:
    """Whether the server answers, and lists its buckets for this key. The pipeline makes those that it needs."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=region,
        config=PATIENCE,
    )
    try:
        client.list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True
