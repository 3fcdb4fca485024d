"""An object store behind TLS, with a certificate that nobody knows but who is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from tests.integration.conftest import free_ports
from tests.integration.s3.conftest import RemoteShop, remote
from tests.integration.servers import ObjectStore


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority of the test's own, whose certificate lies in ``authority.pem``."""
    found = trustme.CA()
    found.cert_pem.write_to_path(tmp_path / "authority.pem")
    return found


@pytest.fixture
def private_store(tmp_path: Path, authority: trustme.CA) -> Iterator[ObjectStore]:
    """An object store that answers only over TLS."""
    folder = tmp_path / "private"
    folder.mkdir()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    options = [f"-s3.cert.file={folder / 'cert.pem'}", f"-s3.key.file={folder / 'key.pem'}"]
    store = ObjectStore(folder, free_ports(ObjectStore.PORTS), options=options, ca_file=tmp_path / "authority.pem")
    store.start()
    yield store
    store.stop()


@pytest.fixture
def private_shop(tmp_path: Path, private_store: ObjectStore) -> RemoteShop:
    """A shop that trusts the authority."""
    return remote(tmp_path, private_store.environment)


def test_a_run_over_tls_trusts_the_authority_that_it_is_told_of(private_shop: RemoteShop) -> None:
    assert private_shop.run()["status"] == "published"
    assert private_shop.rows("fact_ventes")
    private_shop.put(
        "achats_more.csv", "id_achat,id_client,date_achat,montant,produit\n900001,1,2025-12-24,1.50,Souris\n"
    )
    assert private_shop.run()["status"] == "published"


def test_an_unknown_authority_is_refused_in_one_line(private_shop: RemoteShop) -> None:
    extra = {name: value for name, value in private_shop.extra.items() if name != "AWS_CA_BUNDLE"}
    output = replace(private_shop, extra=extra).filon("run", exit_code=1)
    assert "the certificate of the object store is not trusted (UnknownIssuer); AWS_CA_BUNDLE names" in output
    assert len(output.strip().splitlines()) == 1


def test_an_authority_that_is_no_file_is_one_line(private_shop: RemoteShop) -> None:
    shop = replace(private_shop, extra={**private_shop.extra, "AWS_CA_BUNDLE": "nowhere.pem"})
    assert "AWS_CA_BUNDLE names nowhere.pem" in shop.filon("run", exit_code=2)
