"""Asks the plugins that decide what is allowed. One that cannot decide denies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentos.domain.denied import Denied
from agentos.plugins.hook_call import HookCall

Ask = Callable[[HookCall], Any]

logger = logging.getLogger(__name__)


def first_denial(
    calls: Sequence[HookCall], ask: Ask, *, undecided: Denied, about: Mapping[str, str | None]
) -> Denied | None:
    """Ask every plugin, in the order of their names; return the first denial, if there is one.

    What ``ask`` raises, and an answer that is neither ``None`` nor :class:`~agentos.Denied`, is logged with the
    plugin's name, and counts as ``undecided``. ``about`` is in the log lines.
    """
    denials = []
    for call in calls:
        try:
            said = ask(call)
            if said is not None and not isinstance(said, Denied):
                raise TypeError(f"{said!r:.200} was returned; accepted: None or Denied")
        except Exception:  # noqa: BLE001 - other people's code
            log_undecided(call, about)
            denials.append(undecided)
            continue
        if said is not None:
            log_denial(call, about)
            denials.append(said)
    return denials[0] if denials else None


def log_undecided(call: HookCall, about: Mapping[str, str | None]) -> None:
    """Log the error that is being handled: a plugin raised it, and so did not decide."""
    logger.exception("deciding hook failed", extra={"plugin": call.plugin, "hook": call.hook, **about})


def log_denial(call: HookCall, about: Mapping[str, str | None]) -> None:
    """Log which plugin denied. The reason is not logged: it may quote a conversation."""
    logger.info("plugin denied", extra={"plugin": call.plugin, "hook": call.hook, **about})
