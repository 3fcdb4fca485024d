"""The standard AWS settings, however they are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filon.engines.duckdb.s3 import S3Access
from filon.errors import LakeRefused
from filon.lake import open_s3
from tests.integration.conftest import surroundings
from tests.integration.s3.conftest import RemoteShop
from tests.integration.servers import ObjectStore


def test_a_profile_is_enough(remote_shop: RemoteShop, object_store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[profile shop]\nregion = us-east-1\nendpoint_url = {object_store.url}\n")
    secret = object_store.secret
    (tmp_path / "credentials").write_text(f"[shop]\naws_access_key_id = filon\naws_secret_access_key = {secret}\n")
    others = {name: value for name, value in remote_shop.extra.items() if not name.startswith("AWS_")}
    files = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    shop = replace(remote_shop, extra={**others, **files, "AWS_PROFILE": "shop"})
    assert shop.run()["status"] == "published"
    lost = replace(shop, extra={**shop.extra, "AWS_PROFILE": "missing"})
    assert "(missing)" in lost.filon("releases", exit_code=2)


KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@pytest.mark.parametrize(
    ("given", "endpoint", "region", "path_style"),
    [
        ({}, None, "us-east-1", False),
        ({"AWS_REGION": "eu-west-3"}, None, "eu-west-3", False),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, None, "eu-west-3", False),
        ({"AWS_ENDPOINT_URL": "https://s3.example.org/"}, "https://s3.example.org", "us-east-1", True),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000", "us-east-1", True),
    ],
)
def test_what_the_settings_say_is_what_clients_are_told(
    given: dict[str, str], endpoint: str | None, region: str, path_style: bool, tmp_path: Path
) -> None:
    with surroundings({**KEYS, **given, "HOME": str(tmp_path)}):
        s3 = open_s3()
    assert (s3.endpoint, s3.region, s3.path_style) == (endpoint, region, path_style)
    assert s3.delta_options()["AWS_REGION"] == region
    assert s3.delta_options()["AWS_ALLOW_HTTP"] == str(endpoint == "http://127.0.0.1:9000").lower()


def test_the_token_of_temporary_credentials_reaches_every_client(tmp_path: Path) -> None:
    token = "x" * 20
    with surroundings({**KEYS, "AWS_SESSION_TOKEN": token, "HOME": str(tmp_path)}):
        s3 = open_s3()
    assert (s3.keys().token, s3.delta_options()["AWS_SESSION_TOKEN"]) == (token, token)


def test_credentials_that_cannot_be_renewed_are_one_line(remote_shop: RemoteShop, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.write_text(
        "#!/bin/sh\nif [ -e $0.used ]; then echo 'no more\nfor you' >&2; exit 1; fi\ntouch $0.used\n"
        'echo \'{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "2020-01-01T00:00:00Z"}\'\n'
    )
    once.chmod(0o700)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {once}\n")
    others = {name: value for name, value in remote_shop.extra.items() if not name.endswith(("KEY_ID", "ACCESS_KEY"))}
    shop = replace(remote_shop, extra={**others, "AWS_CONFIG_FILE": str(tmp_path / "config")})
    with surroundings(shop.environment()):
        s3 = open_s3()
        (tmp_path / "once.used").touch()
        with pytest.raises(LakeRefused, match=r"^no credentials for S3 any more: .*no more for you\. Check"):
            s3.keys()


def test_credentials_that_change_are_handed_to_the_engine_once(tmp_path: Path) -> None:
    told: list[str] = []
    access = S3Access(told.append)
    with surroundings({**KEYS, "AWS_REGION": "eu-west-9", "HOME": str(tmp_path)}):
        access.renew()
        assert told == []
        access.open()
        open_s3().credentials.access_key = "another"
        access.renew()
        access.renew()
    secrets = [statement for statement in told if "SECRET filon" in statement]
    assert len(secrets) == 2
    assert "'another'" in secrets[1]
