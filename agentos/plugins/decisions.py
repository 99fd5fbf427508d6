"""Asks the plugins that decide what is allowed. One that cannot decide denies."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentos.domain.denied import Denied
from agentos.domain.pending import Asked, PauseRequested, Pending, strictest
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
    denials, _ = _decisions(calls, ask, (Denied,), undecided=undecided, about=about)
    return denials[0] if denials else None


def first_decision(
    calls: Sequence[HookCall], ask: Ask, *, undecided: Denied, about: Mapping[str, str | None]
) -> Denied | Asked | None:
    """Ask as :func:`first_denial` does, where :class:`~agentos.Pending` is accepted too; a denial wins over it.

    Of several that say :class:`~agentos.Pending`, the strictest terms hold. A rule has the name of its plugin.
    """
    denials, waits = _decisions(calls, ask, (Denied, Pending), undecided=undecided, about=about)
    if denials:
        return denials[0]
    return strictest(waits) if waits else None


def _decisions(
    calls: Sequence[HookCall],
    ask: Ask,
    accepted: tuple[type, ...],
    *,
    undecided: Denied,
    about: Mapping[str, str | None],
) -> tuple[list[Denied], list[Asked]]:
    denials: list[Denied] = []
    waits: list[Asked] = []
    for call in calls:
        try:
            said = ask(call)
            if said is not None and not isinstance(said, accepted):
                names = " or ".join(one.__name__ for one in accepted)
                raise TypeError(f"{said!r:.200} was returned; accepted: None, {names}")
        except (Exception, PauseRequested):  # noqa: BLE001 - other people's code, which cannot pause a run by itself
            log_undecided(call, about)
            denials.append(undecided)
            continue
        if isinstance(said, Denied):
            log_denial(call, about)
            denials.append(said)
        elif isinstance(said, Pending):
            waits.append(Asked(said, f"plugin:{call.plugin}{f':{said.rule}' if said.rule else ''}"))
    return denials, waits


def log_undecided(call: HookCall, about: Mapping[str, str | None]) -> None:
    """Log the error that is being handled: a plugin raised it, and so did not decide."""
    extra = {"plugin": call.plugin, "hook": call.hook, **about}
    error = sys.exception()
    assert error is not None
    kind = type(error.__cause__ or error).__name__  # an exit is raised from what it was
    call.failures.log(logging.ERROR, "deciding hook failed", kind=kind, exc_info=True, extra=extra)


def log_denial(call: HookCall, about: Mapping[str, str | None]) -> None:
    """Log which plugin denied. The reason is not logged: it may quote a conversation."""
    logger.info("plugin denied", extra={"plugin": call.plugin, "hook": call.hook, **about})
