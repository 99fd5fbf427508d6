"""Calls the plugins that observe something: what one of them raises harms neither the others nor the run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from agentos.observability.repeated import RepeatedLines
from agentos.plugins.hook_call import HookCall

logger = logging.getLogger(__name__)


class Observers:
    """The plugins that have one observing hook, in the order of their names. False when there is none."""

    def __init__(self, calls: Sequence[HookCall]) -> None:
        self._calls = calls
        self._repeated = RepeatedLines(logger)

    def __bool__(self) -> bool:
        return bool(self._calls)

    def __call__(self, **given: Any) -> None:
        """Call each. A failure is logged, of each plugin a line every few seconds. Never raises."""
        for call in self._calls:
            try:
                call(**given)
            except BaseException:  # noqa: BLE001 - other people's code; its SystemExit must not end the thread of a run
                self._repeated.log(
                    logging.ERROR,
                    "observer failed",
                    kind=f"{call.hook} of {call.plugin}",
                    exc_info=True,
                    extra={"plugin": call.plugin, "hook": call.hook},
                )
