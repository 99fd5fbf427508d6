"""A run's events as the stream of a response: numbered from 0 without a gap, the same at each replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentos.web import SSE_HEARTBEAT, SSE_MEDIA_TYPE, Frame, Projection, one_line, token_json
from agentos_openai_api.responses.events import event_head
from agentos_openai_api.responses.reader import ResponseReader


class ResponseProjection(Projection):
    """Renders the events after number ``starting_after``. It has to be given the run's whole log.

    What a lost worker sent in its last moment is not in the log. A client that has seen it still gets the failure. The
    number of that may be one that it has seen.
    """

    media_type = SSE_MEDIA_TYPE

    def __init__(self, reader: ResponseReader, *, starting_after: int = -1) -> None:
        self._reader = reader
        self._after = starting_after
        self._number = 0

    @property
    def over(self) -> bool:
        """Whether the response has its last event. The run may have more parts, which are other responses."""
        return self._reader.over

    def render(self, frames: Sequence[Frame]) -> bytes:
        """Return the events of frames."""
        reader, after = self._reader, self._after
        pieces: list[bytes] = []
        for frame in frames:
            writing = reader.speaking
            if writing is None or frame.type != "token" or self._number <= after:
                pieces += self._events(frame)
            elif piece := token_json(frame)[1:-1]:  # nearly always, so it is worth a quicker way
                writing.pieces.append(piece)
                pieces.append(b'%b%b","sequence_number":%d}\n\n' % (writing.delta_event, piece, self._number))
                self._number += 1
        block = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return block if block.isascii() else one_line(block)

    def heartbeat(self) -> bytes:
        """Return a comment line."""
        return SSE_HEARTBEAT

    def _events(self, frame: Frame) -> Iterator[bytes]:
        for type, fields in self._reader.read(frame):
            if self._number > self._after or (self._reader.lost and type in _FAILURES):
                yield b'%b%b,"sequence_number":%d}\n\n' % (event_head(type), fields, self._number)
            self._number += 1


_FAILURES = ("error", "response.failed")
