"""Signing in with a real OpenID Connect provider, and who is let in."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from filon.cli.processes import Group, Server, http_health
from tests.e2e.conftest import Site, served, stocked, visiting
from tests.integration.conftest import ACHATS, CLIENTS, free_ports


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of an OpenID Connect provider that believes everybody."""
    [port] = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    claims = [
        f'{{"sub": "{name}", "email": "{name}@exemple.fr", "email_verified": {verified}}}'
        for name, verified in (("ada", "true"), ("bob", "true"), ("eve", "false"))
    ]
    options = [part for claim in claims for part in ("--user-claims", claim)]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--host", "127.0.0.1", *options]
    group = Group()
    try:
        group.start(Server("the provider", command, http_health(f"{address}/.well-known/openid-configuration")))
        yield address
    finally:
        group.stop()


@pytest.fixture(scope="module")
def guarded(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A dashboard for two addresses only."""
    shop = stocked(tmp_path_factory.mktemp("guarded"))
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    [port] = free_ports(1)
    file = shop.folder / "secrets.toml"
    file.write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "{secrets.token_hex()}"
client_id = "filon"
client_secret = "{secrets.token_hex()}"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""
    )
    users = "ada@exemple.fr, eve@exemple.fr"
    yield from served(shop, port, FILON_DASHBOARD_SECRETS=str(file), FILON_DASHBOARD_USERS=users)


@pytest.mark.parametrize(("name", "may"), [("ada", True), ("bob", False), ("eve", False)])
def test_who_is_on_the_list_and_verified_sees_the_figures(
    guarded: Site, browser: Browser, name: str, may: bool
) -> None:
    with visiting(browser, guarded.url) as visit:
        visit.page.route("https://**", lambda route: route.abort())  # the provider's page has its looks from elsewhere
        visit.open("?lang=en")
        assert "Sign in to see it" in visit.text()
        assert visit.page.get_by_test_id("stMetric").count() == 0
        assert visit.page.get_by_test_id("stSidebarNav").count() == 0
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.get_by_role("button", name=name, exact=True).click()
        visit.page.wait_for_url(f"{guarded.url}/**")
        visit.settle()
        main = visit.page.get_by_test_id("stMain")
        if may:
            expect(main.get_by_test_id("stMetric").first).to_be_visible()
            visit.page.get_by_role("button", name="Se déconnecter").click()
            visit.page.wait_for_url("**/oauth2/end_session**")
            visit.open("?lang=en")
            assert "Sign in to see it" in visit.text()
        else:
            expect(main).to_contain_text(f"{name}@exemple.fr")
            assert visit.page.get_by_test_id("stMetric").count() == 0


def test_a_dashboard_for_other_machines_wants_sign_in_or_an_explicit_word(tmp_path: Path) -> None:
    shop = stocked(tmp_path)
    said = shop.filon("dashboard", "--host", "0.0.0.0", exit_code=2)  # noqa: S104
    assert "FILON_DASHBOARD_SECRETS" in said
    assert "--insecure" in said
