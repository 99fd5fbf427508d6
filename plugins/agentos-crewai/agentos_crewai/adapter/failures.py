"""What clients may read of errors of a crew."""

from __future__ import annotations

from agentos_guest import Failed


def failure_of(error: BaseException) -> Failed | None:
    """Return how the run fails for its client; ``None`` where clients must not read anything about the error.

    Each provider has a package of its own; their errors have the ``status_code`` of the response in common.
    """
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        return None
    code = getattr(error, "code", None)
    if code == "insufficient_quota":
        return Failed("the quota of the model's account is used up", cause="QUOTA_EXHAUSTED")
    if code == "context_length_exceeded":
        return Failed("the conversation is too long for the model", cause="CONTEXT_TOO_LONG")
    if status == 429:
        return Failed("the model's provider limits the rate of requests", cause="PROVIDER_RATE_LIMITED")
    return Failed(
        f"the model's provider answered with status {status}",
        cause="PROVIDER_UNAVAILABLE" if status >= 500 else "PROVIDER_ERROR",
    )
