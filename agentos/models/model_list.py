"""Asks a model server for its models, to find out whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from agentos.errors import ProviderError, ProviderUnavailable
from agentos.http.client import HTTPClient
from agentos.http.connection import CONNECTION_FAILURES

SECONDS = 5.0
MAX_SIZE = 4 * 1024**2


def count_models(base_url: str, headers: Mapping[str, str], *, advice: str, path: str = "/models") -> str:
    """Return in a line how many models ``{base_url}{path}`` lists.

    A redirect is not followed: the key would go to another host. Raises :class:`~agentos.errors.ProviderUnavailable` or
    :class:`~agentos.errors.ProviderError`; its message ends with ``advice``.
    """
    client = HTTPClient(base_url, silence=SECONDS, connect_timeout=SECONDS, max_idle=0)
    place = client.origin
    try:
        status, body = client.get(path, headers, seconds=SECONDS, limit=MAX_SIZE)
    except CONNECTION_FAILURES as error:
        raise ProviderUnavailable(f"{place} cannot be reached: {advice}, and the network") from error
    except ValueError:
        # Not chained: its text may quote the key.
        raise ProviderError(
            f"{place} was not asked: a header holds characters that HTTP does not allow: {advice}"
        ) from None
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
