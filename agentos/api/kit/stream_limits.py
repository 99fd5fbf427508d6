"""How many answers may be open at once that last as long as a run: streams, and those that wait for a run's end.

Each holds a connection all along. Each worker process counts its own.
"""

from __future__ import annotations

import threading
from collections import Counter

from flask import Response

from agentos.api.kit.callers import owner
from agentos.api.kit.current import this_app
from agentos.api.kit.middleware import this_client
from agentos.config import Config
from agentos.errors import TooManyStreams

OF_AN_OWNER = 500
"""Of one owner, where callers are known and no other number is set."""

RETRY_AFTER = 5.0


class StreamLimits:
    """Counts open answers of each owner, of each run, and of all together."""

    def __init__(self, config: Config) -> None:
        default = OF_AN_OWNER if config.auth else None
        self._of_owner = default if config.max_streams_per_owner is None else config.max_streams_per_owner
        self._of_run = config.max_streams_per_run
        self._lock = threading.Lock()
        self._owners: Counter[str] = Counter()
        self._runs: Counter[str] = Counter()
        self.open = 0

    def enter(self, owner: str, places: int | None) -> None:
        """Count one more answer of an owner; ``places`` is how many there may be in all.

        Raises :class:`~agentos.errors.TooManyStreams`; then it does not count.
        """
        with self._lock:
            if self._of_owner is not None and self._owners[owner] >= self._of_owner:
                raise _refusal(
                    f"{self._of_owner} answers of this owner that stream or wait for a run are open in this worker;"
                    " more are not accepted (AGENTOS_MAX_STREAMS_PER_OWNER)"
                )
            if places is not None and self.open >= places:
                raise _refusal(
                    f"{places} answers that stream or wait for a run are open in this worker; its other connections are"
                    " kept for short requests (AGENTOS_WORKER_CONNECTIONS)"
                )
            self._owners[owner] += 1
            self.open += 1

    def follow(self, run_id: str) -> None:
        """Count one more answer of a run. Raises :class:`~agentos.errors.TooManyStreams`; then it does not count."""
        with self._lock:
            if self._runs[run_id] >= self._of_run:
                raise _refusal(
                    f"{self._of_run} answers follow run {run_id!r} in this worker; more are not accepted"
                    " (AGENTOS_MAX_STREAMS_PER_RUN)"
                )
            self._runs[run_id] += 1

    def leave(self, owner: str, run_id: str | None) -> None:
        """Count one answer less."""
        with self._lock:
            self.open -= 1
            _subtract(self._owners, owner)
            if run_id is not None:
                _subtract(self._runs, run_id)


class Place:
    """One counted answer, from before its run is admitted until it is closed.

    >>> with take_place() as place:
    ...     handle = services().runs.start(wanted)
    ...     place.follow(handle.run_id)
    ...     return place.keep(stream(handle, projection, client))

    Without :meth:`keep`, it is given back at the end of the block. A kept one is given back when its answer is closed,
    or when nothing refers to it any more: an answer that was lost before the server had it is never closed.
    """

    def __init__(self, limits: StreamLimits, owner: str) -> None:
        self._limits: StreamLimits | None = limits
        self._run_id: str | None = None
        self._owner = owner
        self._kept = False

    def follow(self, run_id: str) -> None:
        """Count for this run too, which the answer is about. Raises :class:`~agentos.errors.TooManyStreams`."""
        assert self._limits is not None
        assert self._run_id is None
        self._limits.follow(run_id)
        self._run_id = run_id

    def keep(self, answer: Response) -> Response:
        """Have the place kept until the answer is closed; return the answer."""
        self._kept = True
        answer.call_on_close(self.give_back)
        return answer

    def give_back(self) -> None:
        """Stop counting. Can be called again."""
        limits, self._limits = self._limits, None
        if limits is not None:
            limits.leave(self._owner, self._run_id)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, _: object, error: object, __: object) -> None:
        if error is not None or not self._kept:
            self.give_back()

    def __del__(self) -> None:
        self.give_back()


def take_place() -> Place:
    """Count this request's answer. Raises :class:`~agentos.errors.TooManyStreams`."""
    limits: StreamLimits = this_app().extensions["agentos.streams"]
    of = owner()
    limits.enter(of, this_client().stream_limit)
    return Place(limits, of)


def _refusal(message: str) -> TooManyStreams:
    return TooManyStreams(f"{message}; close one, or try again later", retry_after=RETRY_AFTER)


def _subtract(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
