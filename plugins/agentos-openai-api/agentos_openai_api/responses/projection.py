"""A run's events as the stream of a response: numbered from 0 without a gap, the same at each replay."""

from __future__ import annotations

from collections.abc import Sequence

from agentos.web import SSE_HEARTBEAT, SSE_MEDIA_TYPE, Frame, Projection, one_line, token_json
from agentos_openai_api.responses.events import Writing
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
        if len(frames) == 1 and frames[0].type == "token" and self._reader.speaking and self._number > self._after:
            block = self._token(frames[0], self._reader.speaking)  # nearly always, so it is worth a quicker way
        else:
            block = self._events(frames)
        return block if block.isascii() else one_line(block)

    def heartbeat(self) -> bytes:
        """Return a comment line."""
        return SSE_HEARTBEAT

    def _token(self, frame: Frame, text: Writing) -> bytes:
        piece = token_json(frame)[1:-1]
        if not piece:
            return b""
        text.pieces.append(piece)
        self._number += 1
        return b'%b%b%b","sequence_number":%d}\n\n' % (_TOKEN, text.delta, piece, self._number - 1)

    def _events(self, frames: Sequence[Frame]) -> bytes:
        pieces: list[bytes] = []
        for frame in frames:
            for type, fields in self._reader.read(frame):
                if self._number > self._after or (self._reader.lost and type in _FAILURES):
                    name = type.encode()
                    pieces.append(
                        b'event: %b\ndata: {"type":"%b",%b,"sequence_number":%d}\n\n'
                        % (name, name, fields, self._number)
                    )
                self._number += 1
        return b"".join(pieces)


_TOKEN = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
_FAILURES = ("error", "response.failed")
