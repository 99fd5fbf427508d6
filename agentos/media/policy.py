"""Which attachments are accepted at all. Whether a model takes them is asked later, when the model is known."""

from __future__ import annotations

from collections.abc import Sequence

from agentos.config import Config
from agentos.domain.media import MEDIA_TYPES, Media
from agentos.domain.media_data import decoded, decoded_size
from agentos.errors import InvalidMedia
from agentos.http.failures import OutboundRefused
from agentos.http.urls import is_internal_name, is_listed, parse_target
from agentos.media.content import fits, is_content_type
from agentos.media.hosts import policy_of, public_names

MAX_URL = 2048


class MediaPolicy:
    """Accepts or refuses the attachments of a request, by the settings, before anything is done with them.

    An address or a name of an internal network is refused whether or not anybody of ours fetches it: who does, a model
    server beside us for example, may stand in that network. A name is not resolved here; only who connects can do that
    without being deceived, as :class:`~agentos.media.fetching.MediaFetcher` does.
    """

    def __init__(self, config: Config) -> None:
        self._most = config.max_attachments
        self._largest = config.max_attachment_size
        self._hosts = policy_of(config)

    def check(self, media: Sequence[Media]) -> None:
        """Raise :class:`~agentos.errors.InvalidMedia` naming the first attachment that is refused and why."""
        if len(media) > self._most:
            raise InvalidMedia(f"{len(media)} attachments are too many; at most {self._most} are accepted")
        for number, one in enumerate(media):
            self._check_one(one, f"media[{number}]")

    def _check_one(self, one: Media, where: str) -> None:
        if one.type not in MEDIA_TYPES:
            raise InvalidMedia(f"{where}.type is {one.type!r:.60}; accepted are {', '.join(MEDIA_TYPES)}")
        if (one.url is None) == (one.data is None):
            raise InvalidMedia(f"{where} needs exactly one of 'url' and 'data'")
        if one.content_type is not None or one.data is not None:
            _check_content_type(one, where)
        if one.url is not None:
            self._check_url(one.url, f"{where}.url")
        if one.data is not None:
            self._check_data(one.data, f"{where}.data")

    def _check_url(self, url: str, where: str) -> None:
        if len(url) > MAX_URL:
            raise InvalidMedia(f"{where} has {len(url)} characters; at most {MAX_URL} are accepted")
        try:
            host = parse_target(url).host
            if is_internal_name(host) and not is_listed(host, self._hosts.private_hosts):
                raise InvalidMedia(f"{where} is at host {host!r}, a name of an internal network; give a public host")
            if self._hosts.allow_hosts and not is_listed(host, self._hosts.allow_hosts):
                accepted = ", ".join(public_names(self._hosts)) or "only those that the operator lists"
                raise InvalidMedia(f"{where} is at host {host!r}; accepted are {accepted}")
            self._hosts.target(url)
        except OutboundRefused as error:
            raise InvalidMedia(f"{where} is not accepted: {error}") from error

    def _check_data(self, data: str, where: str) -> None:
        size = decoded_size(data)
        if size > self._largest:
            raise InvalidMedia(f"{where} has {size} bytes; at most {self._largest} are accepted")
        try:
            # To the end: each piece is checked when it is decoded.
            if not sum(map(len, decoded(data))):
                raise InvalidMedia(f"{where} is empty")
        except ValueError as error:
            raise InvalidMedia(f"{where} is not base64 (RFC 4648, standard alphabet, with padding)") from error


def _check_content_type(one: Media, where: str) -> None:
    given = one.content_type
    if given is None or not is_content_type(given):
        raise InvalidMedia(f"{where}.content_type is {given!r:.100}; accepted is a media type such as image/png")
    if not fits(one.type, given):
        raise InvalidMedia(f"{where} is of type {one.type!r}, but its content_type is {given!r}")
