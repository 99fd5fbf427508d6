"""What went wrong, in words that a client may read. Anything else that is raised stays in the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentos_guest import Failed
from langchain_core import exceptions as langchain_exceptions
from langgraph.errors import GraphRecursionError, NodeTimeoutError, is_invalid_resume

_LIMITS = ("ModelCallLimitExceededError", "ToolCallLimitExceededError")

# Each provider's package derives its errors from these. Those of older packages only have a status.
_KINDS: tuple[tuple[str, Failed], ...] = (
    ("ContextOverflowError", Failed("the conversation is too long for the model", cause="CONTEXT_TOO_LONG")),
    ("ModelRefusalError", Failed("the model refused to answer", cause="CONTENT_FILTERED")),
    ("ModelRateLimitError", Failed("the model's provider limits the rate of calls", cause="PROVIDER_RATE_LIMITED")),
    ("ModelTimeoutError", Failed("the model's provider did not answer in time", cause="PROVIDER_UNAVAILABLE")),
    ("ModelConnectionError", Failed("the model's provider cannot be reached", cause="PROVIDER_UNAVAILABLE")),
    ("ModelAPIError", Failed("the model's provider has a failure", cause="PROVIDER_UNAVAILABLE")),
)
_CODES: dict[str, tuple[str, Any]] = {
    "insufficient_quota": ("the quota of the model's provider is used up", "QUOTA_EXHAUSTED"),
    "context_length_exceeded": ("the conversation is too long for the model", "CONTEXT_TOO_LONG"),
    "content_filter": ("the model's provider filtered the content", "CONTENT_FILTERED"),
}


def failure(error: BaseException, of_models: Sequence[BaseException]) -> Failed | None:
    """Return what the client reads of an error, or ``None`` where that must be nothing.

    ``of_models`` are the errors of calls to models: the same class raised by a tool is the tool's business.
    """
    if isinstance(error, GraphRecursionError):
        return Failed("the graph reached its limit of steps (recursion_limit)", cause="TURN_LIMIT")
    if type(error).__name__ in _LIMITS:
        return Failed("the agent reached its limit of calls", cause="TURN_LIMIT")
    if isinstance(error, NodeTimeoutError):
        return Failed(f"the node {error.node!r} took longer than its {error.timeout:g} s")
    if is_invalid_resume(error):
        return Failed(f"the answer does not fit what the graph asked for: {_problems(error)}")
    for cause in _chain(error):
        if any(cause is known for known in of_models):
            return _of_provider(cause)
    return None


def _of_provider(error: BaseException) -> Failed:
    code = getattr(error, "code", None)
    if isinstance(code, str) and code in _CODES:
        message, cause = _CODES[code]
        return Failed(message, cause=cause)
    for name, failed in _KINDS:
        kind = getattr(langchain_exceptions, name, None)
        if kind is not None and isinstance(error, kind):
            return Failed(failed.message, cause=failed.cause)
    return _of_status(getattr(error, "status_code", None), error)


def _of_status(status: object, error: BaseException) -> Failed:
    if status == 429:
        return Failed("the model's provider limits the rate of calls", cause="PROVIDER_RATE_LIMITED")
    if isinstance(status, int) and (status == 408 or status >= 500):
        return Failed(f"the model's provider answered {status}", cause="PROVIDER_UNAVAILABLE")
    if isinstance(status, int):
        return Failed(f"the model's provider answered {status}", cause="PROVIDER_ERROR")
    if isinstance(error, OSError) or "Timeout" in type(error).__name__ or "Connect" in type(error).__name__:
        return Failed("the model's provider cannot be reached", cause="PROVIDER_UNAVAILABLE")
    return Failed("the call to the model failed", cause="PROVIDER_ERROR")


def _problems(error: Any) -> str:
    # The input is left out: what a person typed is the client's already, what surrounds it may not be.
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
