"""How a run at a guest failed, as errors of ours."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from agentos import errors
from agentos.domain.text import clean, shorten
from agentos.errors import AgentFailed, ExecutionError, GuestLost
from agentos.observability.content import UntrustedText

LONGEST = 2000
"""Characters of a message."""

LONGEST_TRACEBACK = 16_000

BUSY = "busy"
"""The code of a refusal that says to try again."""

_PUBLIC = ("attribute", "not_an_agent", "adapter", "version")
"""Codes of refusals that say nothing but what the agent's declaration and the packages are."""

_KINDS: Mapping[str, type[ExecutionError]] = {
    kind.cause: kind
    for kind in (
        *(AgentFailed, errors.ProviderError, errors.ProviderUnavailable, errors.ProviderRateLimited),
        *(errors.QuotaExhausted, errors.ContextTooLong, errors.ContentFiltered, errors.TurnLimit),
    )
}

logger = logging.getLogger(__name__)


def failure_of(frame: Mapping[str, Any], name: str, about: Mapping[str, Any]) -> ExecutionError:
    """Return the error of a ``failed`` frame. Unless it is ``public``, its words are for the log alone.

    ``name`` says what failed, as in ``agent 'x'``; ``about`` are fields of the log.
    """
    message = frame.get("message")
    text = shorten(clean(message), LONGEST) if isinstance(message, str) else ""
    kind = _KINDS.get(str(frame.get("cause")), AgentFailed)
    if frame.get("public") is True and text:
        return kind(text)
    trace, places = (shorten(clean(str(frame.get(of) or "")), LONGEST_TRACEBACK) for of in ("traceback", "places"))
    logger.error(
        "agent raised in its guest process",
        extra={
            **about,
            "error": str(frame.get("error") or "")[:100],
            "reason": UntrustedText(text, ""),
            "traceback": UntrustedText(trace, places),
        },
    )
    return kind(f"{name} failed; the server's log has the reason")


def refusal_of(frame: Mapping[str, Any], name: str, about: Mapping[str, Any]) -> ExecutionError:
    """Return the error of a ``refused`` frame: nothing ran."""
    reason = shorten(clean(str(frame.get("reason") or "no reason was given")), LONGEST)
    code = str(frame.get("code"))
    logger.error("a guest process refused to run an agent", extra={**about, "code": code[:40], "reason": reason})
    if code == BUSY:
        return GuestLost(f"{name} is at a guest process that takes no more runs")
    if code in _PUBLIC:
        return AgentFailed(f"{name} cannot run in its guest process: {reason}")
    return AgentFailed(f"{name} cannot be loaded in its guest process; the server's log has the reason")


def broken(name: str, about: Mapping[str, Any], reason: str) -> GuestLost:
    """Return the error of a guest that does not speak its protocol."""
    logger.error("a guest process broke its protocol", extra={**about, "reason": reason})
    return GuestLost(f"the guest process of {name} broke its protocol; the server's log has the reason")


def lost(name: str) -> GuestLost:
    """Return the error of a guest that has ended, or was killed, before its run did."""
    return GuestLost(f"the guest process of {name} ended before the run did")
