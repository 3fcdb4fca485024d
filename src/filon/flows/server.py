"""Prefect's server as flows meet it: whether there is one, and what is said when it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.settings import get_current_settings

from filon.errors import ConfigError, FilonError, FlowsUnavailable


def server_url() -> str | None:
    """The address of Prefect's API as Prefect's own settings give it; None when a process brings its own server."""
    return get_current_settings().api.url


def require_server() -> str:
    """The address of Prefect's API; ConfigError when none is given."""
    url = server_url()
    if url is None:
        raise ConfigError(
            "schedules and triggers need a Prefect server that stays: `prefect server start`, "
            "then set PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    return url


@contextmanager
def answering() -> Iterator[None]:
    """FlowsUnavailable where Prefect's server does not answer, or refuses."""
    try:
        yield
    except FilonError:
        raise
    except Exception as error:  # Prefect wraps what its client met in many types
        server = f"Prefect's server at {server_url() or 'this process'}"
        cause = _http_error(error)
        if isinstance(cause, httpx.TransportError):
            raise FlowsUnavailable(
                f"{server} does not answer ({type(cause).__name__}). Start it again and rerun: nothing is lost, "
                "and tables already built are reused. `filon run` needs no Prefect."
            ) from error
        if isinstance(cause, httpx.HTTPStatusError):
            status = f"{cause.response.status_code} {cause.response.reason_phrase}"
            raise FlowsUnavailable(
                f"{server} answers {status}. Check PREFECT_API_URL, which ends in /api for a server of your own, "
                "and PREFECT_API_KEY if the server wants one."
            ) from error
        raise


def _http_error(error: BaseException | None) -> httpx.HTTPError | None:
    """What the client met, behind whatever was made of it."""
    while error is not None and not isinstance(error, httpx.HTTPError):
        error = error.__cause__ or error.__context__
    return error
