"""Brings attachments in that are named by URL, for models that cannot fetch them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from agentos.config import Config
from agentos.domain.media import Media
from agentos.domain.media_data import encoded
from agentos.errors import InvalidMedia
from agentos.http.failures import OutboundFailed, OutboundRefused
from agentos.http.outbound_client import OutboundAnswer, OutboundClient
from agentos.media.content import content_type_of, fits
from agentos.media.hosts import policy_of

logger = logging.getLogger(__name__)


class MediaFetcher:
    """Fetches what ``media_fetch`` asks for, within the policy of the settings. Used from many threads at once.

    ``client`` replaces the one that the settings make, with its policy.
    """

    def __init__(self, config: Config, *, client: OutboundClient | None = None) -> None:
        self._on = config.media_fetch
        self._client = client or media_client(config)
        # What is brought in must not be a way around the size of a request: a short one could name a lot.
        self._most = max(config.max_request_size, config.max_attachment_size)

    def fetch(self, media: Sequence[Media], *, deadline: float) -> tuple[Media, ...]:
        """Return the attachments, those with a ``url`` with their ``data`` and ``content_type`` too.

        ``deadline`` is a ``time.monotonic()`` value and holds for all of them together. Without ``media_fetch`` they
        are returned as they are. Raises :class:`~agentos.errors.InvalidMedia` naming the first that cannot be had.
        Whether a host was refused, unknown or silent is only in the log, so that the networks around us
        cannot be mapped from outside.
        """
        if not self._on:
            return tuple(media)
        brought: list[Media] = []
        total = 0
        for number, one in enumerate(media):
            if one.url is not None and one.data is None:
                where = f"media[{number}].url"
                body, content_type = self._fetch(one, one.url, where, deadline)
                total += len(body)
                if total > self._most:
                    raise InvalidMedia(f"{where}: what is fetched has more than {self._most} bytes together")
                one = replace(one, data=encoded(body), content_type=content_type)
            brought.append(one)
        return tuple(brought)

    def _fetch(self, one: Media, url: str, where: str, deadline: float) -> tuple[bytes, str]:
        accept = "*/*" if one.type == "file" else f"{one.type}/*"
        try:
            answer = self._client.fetch("GET", url, headers={"Accept": accept}, deadline=deadline)
        except (OutboundRefused, OutboundFailed) as error:
            logger.info("an attachment was not fetched: %s", error)
            raise InvalidMedia(
                f"{where} cannot be fetched: no host that is allowed gave a whole answer in time"
            ) from error
        return answer.body, self._checked(answer, one, where)

    def _checked(self, answer: OutboundAnswer, one: Media, where: str) -> str:
        if not 200 <= answer.status < 300:
            raise InvalidMedia(f"{where} cannot be fetched: the server answered with status {answer.status}")
        if answer.truncated:
            raise InvalidMedia(f"{where} has more than {self._client.max_size} bytes; at most so many are accepted")
        if not answer.body:
            raise InvalidMedia(f"{where} is empty")
        content_type = content_type_of(answer.content_type, answer.body, declared=one.content_type)
        if not fits(one.type, content_type):
            raise InvalidMedia(f"{where} is of type {one.type!r}, but what is there is {content_type!r}")
        return content_type


def media_client(config: Config) -> OutboundClient:
    """Return the client that attachments are fetched with."""
    return OutboundClient(policy=policy_of(config), max_size=config.max_attachment_size)
