"""The contract of a model provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from agentos.domain.media import Media, MediaType
from agentos.errors import InvalidMedia
from agentos.models.deltas import Arrival
from agentos.models.request import ModelRequest


class ModelProvider(ABC):
    """Speaks to one kind of model server. Implement :meth:`stream`; the rest has defaults.

    One instance serves all runs of a worker, from many threads at once; it is made after the worker's fork. Heavy
    imports and connections belong into the first call, not into ``__init__``.
    """

    media_types: ClassVar[frozenset[MediaType]] = frozenset()
    """The attachments that reach the model; others are refused with ``INVALID_MEDIA`` before the run starts."""

    @abstractmethod
    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Call the model and yield its answer as it arrives, ending with a :class:`~agentos.models.deltas.Finish`.

        Deltas that arrive together should be yielded together, in one list: each costs less then, all the way to the
        client.

        Raise :class:`~agentos.errors.ProviderError` for a refused request or an answer that makes no sense,
        :class:`~agentos.errors.ProviderUnavailable` when the server cannot be reached or cannot serve,
        :class:`~agentos.errors.ProviderRateLimited` (with ``retry_after``, seconds) when it asks to be called less,
        :class:`~agentos.errors.QuotaExhausted` when the account has no credit left,
        :class:`~agentos.errors.ContextTooLong`, before the first delta, when the conversation is too long, and
        :class:`~agentos.errors.ContentFiltered` when a filter refused the prompt. ``details["retryable"]`` says whether
        the call may be tried again. The messages are shown to clients: no secrets, no raw bodies. Retries, deadlines,
        tool loops and the joining of tool-call pieces are the run's business, not the provider's.
        """

    def check_media(self, media: Media) -> None:
        """Raise :class:`~agentos.errors.InvalidMedia` for an attachment that cannot reach the model.

        Called before a run is accepted. Override it where more than the type decides.
        """
        if media.type not in self.media_types:
            accepted = ", ".join(sorted(self.media_types)) or "none"
            raise InvalidMedia(f"media of type {media.type!r} does not reach this model; accepted: {accepted}")

    def model_names(self) -> list[str]:
        """Return names of models worth showing to a user; any other name may still work. Must not block."""
        return []

    def check(self) -> str:
        """Return a line that says the provider can be used; raise an error that says what to do where it cannot.

        Called by ``flask agentos doctor``; may use the network for a few seconds.
        """
        return "ok"

    def close(self) -> None:  # noqa: B027 - there may be nothing to close
        """Close connections. Called once, when the worker ends."""
