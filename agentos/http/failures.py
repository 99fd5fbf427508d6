"""Why nothing was fetched. What it means to a run or to a request is decided by who asked."""

from __future__ import annotations


class OutboundRefused(ValueError):
    """The request is not made, or not any further; the message says why, for whoever gave the URL."""


class OutboundFailed(RuntimeError):
    """The request was allowed and did not succeed; the message says why."""
