"""What a protocol makes of a run's events. A new protocol needs one of these, and nothing else on the way out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from agentos.domain.event import Frame
from agentos.domain.run import Run


class Projection(ABC):
    """Renders the frames of one run as the bytes of one response.

    It is deterministic: a log that is rendered twice gives the same bytes, so that a client can resume. It must not
    block, and it does not know the connection.
    """

    media_type: str
    opening = b""
    """What is sent before the first frame."""

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sent, although the run continues: the response then ends."""
        return False

    @abstractmethod
    def render(self, frames: Sequence[Frame]) -> bytes:
        """Return frames as they are sent; ``b""`` if the client wants none of them."""

    @abstractmethod
    def heartbeat(self) -> bytes:
        """Return what says, in a silence, that the run is still followed."""

    def end(self, run: Run) -> bytes:  # noqa: ARG002  # for those that need it
        """Return what follows the last frame of a run that ended. A pause has only its frame, ``paused``."""
        return b""
