"""Asks a model server for its models, to find out whether it can be used."""

from __future__ import annotations

import time
from collections.abc import Mapping

import orjson
from urllib3.exceptions import HTTPError

from agentos._version import __version__
from agentos.errors import ProviderError, ProviderUnavailable, RunTimeout
from agentos.http.connection import ModelConnection
from agentos.http.deadline import Pace
from agentos.http.routes import Route, route_to

AGENT = f"agentos/{__version__}"
SECONDS = 5.0
MAX_SIZE = 4 * 1024**2


def count_models(base_url: str, headers: Mapping[str, str], *, advice: str) -> str:
    """Return in a line how many models ``{base_url}/models`` lists.

    A redirect is not followed: the key would go to another host.
    Raises :class:`~agentos.errors.ProviderUnavailable` or :class:`~agentos.errors.ProviderError`, whose message ends
    with ``advice``.
    """
    route = route_to(base_url)
    place = f"http{'s' if route.secure else ''}://{route.authority}"
    connection = route.connection(None)
    try:
        status, body = _get(connection, route, headers)
    except (OSError, HTTPError, RunTimeout, ProviderUnavailable) as error:
        raise ProviderUnavailable(f"{place} cannot be reached: {advice}, and the network") from error
    except ValueError:
        # Not chained: its text may quote the key.
        raise ProviderError(
            f"{place} was not asked: a header holds characters that HTTP does not allow: {advice}"
        ) from None
    finally:
        connection.abort()
    if status in (401, 403):
        raise ProviderError(f"{place} refused the key with status {status}: {advice}")
    if status in (404, 405, 501):
        return f"{place} answers, but does not list its models (status {status})"
    if status != 200:
        raise ProviderError(f"{place} answered with status {status}: {advice}")
    try:
        return f"{len(orjson.loads(body)['data'])} models at {place}"
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ProviderError(f"{place} did not answer with a list of models: {advice}") from error


def _get(connection: ModelConnection, route: Route, headers: Mapping[str, str]) -> tuple[int, bytes]:
    end = time.monotonic() + SECONDS
    connection.open(Pace(deadline=end, silence=SECONDS), timeout=SECONDS)
    connection.timeout = SECONDS
    sent = {
        "User-Agent": AGENT,
        **route.headers,
        **headers,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
    connection.request("GET", route.target("/models"), headers=sent, preload_content=False)
    response = connection.getresponse()
    body = b""
    while piece := response.read(65536):
        body += piece
        if len(body) > MAX_SIZE or time.monotonic() > end:
            raise ProviderUnavailable("the list of models is too long or too slow")
    return response.status, body
