"""What responses have to send in one turn of the event loop leaves at its end, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import gevent


class WriteCoalescer:
    """Collects what is to be sent without waiting, and sends it before the loop waits again.

    A turn of the loop brings tokens for many clients. Sent one by one as they are made, each would wake who reads it, a
    proxy on this machine, which sleeps again before the next; sent together, they wake it once. Used in one thread.
    """

    def __init__(self) -> None:
        self._loop = gevent.get_hub().loop
        self._due: list[Callable[[], None]] = []

    def add(self, send: Callable[[], None]) -> None:
        """Have ``send``, which neither waits nor raises, called at the end of the turn."""
        if not self._due:
            self._loop.run_callback(self._send_all)
        self._due.append(send)

    def _send_all(self) -> None:
        due, self._due = self._due, []
        for send in due:
            send()
