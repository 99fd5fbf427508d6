"""A plugin's own function for a hook, and a call of it that cannot hold up its caller."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.cancellation import Cancellation
from agentos.observability.repeated import RepeatedLines

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HookCall:
    """What one plugin does for one hook. It is called with the arguments by name; those it does not take are left out.

    The function is other people's code: it may raise anything.
    """

    plugin: str
    hook: str
    function: Callable[..., Any]
    takes: Sequence[str]
    failures: RepeatedLines = field(default_factory=lambda: RepeatedLines(logger), compare=False, repr=False)
    """A plugin that is broken fails in every run: the lines of its failures are counted."""

    def __call__(self, **given: Any) -> Any:
        """Call it in this thread."""
        return self.function(*[given[name] for name in self.takes])

    def within(self, deadline: float, cancellation: Cancellation | None = None, **given: Any) -> Any:
        """Call it in a thread of its own; wait until ``deadline``, a ``time.monotonic()`` value, or the cancellation.

        A function that does not return is left behind in its thread. Raises ``TimeoutError`` then, the cause of the
        cancellation, or what the function raises; of what is no ``Exception``, a ``RuntimeError``.
        """
        cancellation = cancellation or Cancellation()
        outcome: list[tuple[Any, BaseException | None]] = []
        done = threading.Event()

        def work() -> None:
            try:
                outcome.append((self(**given), None))
            except BaseException as error:  # noqa: BLE001 - its SystemExit too must reach the caller
                outcome.append((None, error))
            finally:
                done.set()

        started = time.monotonic()
        # The thread logs under the request's id, which is in a context variable.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(work,), name=f"{self.hook}-{self.plugin}", daemon=True).start()
        with cancellation.cutting(done.set):
            done.wait(max(0.0, deadline - started))
        if not outcome:
            logger.warning(
                "plugin did not return in time and was left behind",
                extra={"plugin": self.plugin, "hook": self.hook, "seconds": round(time.monotonic() - started, 3)},
            )
        cancellation.check()
        if not outcome:
            raise TimeoutError(f"it did not return within {deadline - started:.3g} s")
        value, error = outcome[0]
        if error is not None and not isinstance(error, Exception):
            raise RuntimeError(f"it raised {type(error).__name__}") from error
        if error is not None:
            raise error
        return value
