"""The address of Prefect's server, and errors when it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.settings import get_current_settings

from filon.errors import ConfigError, FilonError, FlowsUnavailable


def server_url() -> str | None:
    """The address of Prefect's API from Prefect's settings; None when Prefect starts a server inside the process."""
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
def translated_errors() -> Iterator[None]:
    """Raise FlowsUnavailable in place of errors of Prefect's client: no answer, or a refusal."""
    try:
        yield
    except FilonError:
        raise
    except Exception as error:  # Prefect wraps errors of its client in many types
        server = f"Prefect's server at {server_url() or 'this process'}"
        cause = _http_error(error)
        if isinstance(cause, httpx.TransportError):
            raise FlowsUnavailable(
                f"{server} does not answer ({type(cause).__name__}). Start it again and rerun: nothing is lost, "
                "and tables already built are reused. `filon run` needs no Prefect."
            ) from error
        if isinstance(cause, httpx.HTTPStatusError):
            advice = (
                "Its log says why; rerun when it has recovered: nothing is lost, and tables already built are reused."
                if cause.response.is_server_error
                else "Check PREFECT_API_URL, which ends in /api for a server of your own, "
                "and PREFECT_API_KEY if the server wants one."
            )
            status = f"{cause.response.status_code} {cause.response.reason_phrase}"
            raise FlowsUnavailable(f"{server} answers {status}. {advice}") from error
        raise


def _http_error(error: BaseException | None) -> httpx.HTTPError | None:
    """The HTTP error in the chain of causes, if there is one."""
    while error is not None and not isinstance(error, httpx.HTTPError):
        error = error.__cause__ or error.__context__
    return error
