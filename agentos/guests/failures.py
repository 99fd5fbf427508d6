"""How a run at a guest failed, as errors of ours."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from agentos import errors
from agentos.domain.text import clean, shorten
from agentos.errors import AgentFailed, ExecutionError, GuestLost
from agentos.guests.output import traceback_of
from agentos.observability.content import UntrustedText

LONGEST = 2000
"""Characters of a message."""

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
    is_public = frame.get("public") is True and bool(text)
    if is_public and not frame.get("traceback"):  # there is nothing but its words
        return kind(text)
    logger.error(
        "agent raised in its guest process",
        extra={
            **about,
            "error": str(frame.get("error") or "")[:100],
            "reason": UntrustedText(text, ""),
            "traceback": traceback_of(frame),
        },
    )
    return kind(text if is_public else f"{name} failed; the server's log has the reason")


def refusal_of(frame: Mapping[str, Any], name: str, about: Mapping[str, Any]) -> ExecutionError:
    """Return the error of a ``refused`` frame: nothing ran."""
    reason = shorten(clean(str(frame.get("reason") or "no reason was given")), LONGEST)
    code = str(frame.get("code"))
    extra = {**about, "code": code[:40], "reason": reason}
    if frame.get("traceback"):
        extra |= {"error": str(frame.get("error") or "")[:100], "traceback": traceback_of(frame)}
    logger.error("a guest process refused to run an agent", extra=extra)
    if code == BUSY:
        return GuestLost(f"{name} is at a guest process that takes no more runs")
    if code in _PUBLIC:
        return AgentFailed(f"{name} cannot run in its guest process: {reason}")
    return AgentFailed(f"{name} cannot be loaded in its guest process; the server's log has the reason")


def broken(name: str, about: Mapping[str, Any], reason: str) -> GuestLost:
    """Return the error of a guest that does not speak its protocol."""
    logger.error("a guest process broke its protocol", extra={**about, "reason": UntrustedText(reason)})
    return GuestLost(f"the guest process of {name} broke its protocol; the server's log has the reason")


def lost(name: str) -> GuestLost:
    """Return the error of a guest that has ended, or was killed, before its run did."""
    return GuestLost(f"the guest process of {name} ended before the run did")
