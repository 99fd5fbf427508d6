"""Messages that a client adds to a session: checked as those of a conversation, their attachments brought in."""

from __future__ import annotations

import time
from collections.abc import Sequence

from agentos.config import Config
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.media.fetching import MediaFetcher
from agentos.media.policy import MediaPolicy
from agentos.services.conversations import ConversationPolicy, with_media
from agentos.services.run_checks import FETCH_SECONDS
from agentos.services.size_limits import SizeLimits


class AddedMessages:
    """Refuses what no model could be given, before anything is written."""

    def __init__(self, config: Config, sizes: SizeLimits) -> None:
        self._policy = ConversationPolicy(config, sizes, MediaPolicy(config))
        self._fetcher = MediaFetcher(config)

    def accepted(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the messages with their attachments; raise ``InvalidRequest`` or ``InvalidMedia`` naming one."""
        if not messages:
            return ()
        self._policy.check_added(messages)
        deadline = time.monotonic() + FETCH_SECONDS

        def bring(media: Sequence[Media]) -> tuple[Media, ...]:
            return self._fetcher.fetch(media, deadline=deadline)

        messages = with_media(messages, bring)
        self._policy.check_size(messages)
        return messages
