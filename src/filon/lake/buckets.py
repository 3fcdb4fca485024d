"""The buckets of a lake in an object store of our own."""

from __future__ import annotations

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BUCKETS = ("sources", "bronze", "silver", "gold", "quarantine", "metadata")
PATIENCE = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}, proxies={})


def ensure_buckets(endpoint: str, key: str, secret: str, region: str) -> bool:
    """Make the buckets that are missing; False while the server does not answer, or knows no such key yet."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=region,
        config=PATIENCE,
    )
    try:
        known = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        for name in BUCKETS:
            if name not in known:
                client.create_bucket(Bucket=name)
    except (BotoCoreError, ClientError):
        return False
    return True
