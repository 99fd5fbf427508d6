"""Every error that AgentOS raises on purpose, as one tree.

    AgentOSError
    ├── ConfigError                     a setting has a value that is not accepted
    ├── PluginError                     a plugin is broken, or two plugins claim one name
    ├── RequestError                    the caller's request is at fault
    │   ├── InvalidRequest              INVALID_REQUEST
    │   ├── InvalidMedia                INVALID_MEDIA
    │   ├── Unauthenticated             UNAUTHENTICATED
    │   ├── Forbidden                   FORBIDDEN
    │   ├── NotFound                    NOT_FOUND
    │   │   ├── AgentNotFound           AGENT_NOT_FOUND
    │   │   ├── AgentVersionNotFound    AGENT_VERSION_NOT_FOUND
    │   │   ├── SessionNotFound         SESSION_NOT_FOUND
    │   │   ├── RunNotFound             RUN_NOT_FOUND
    │   │   └── SummaryNotFound         SUMMARY_NOT_FOUND
    │   ├── MethodNotAllowed            METHOD_NOT_ALLOWED
    │   ├── AgentExists                 AGENT_EXISTS
    │   ├── SessionBusy                 SESSION_BUSY
    │   ├── RunFinished                 RUN_FINISHED
    │   ├── RunActive                   RUN_ACTIVE
    │   ├── RunRequired                 RUN_REQUIRED
    │   ├── IdempotencyConflict         IDEMPOTENCY_CONFLICT
    │   ├── EventsExpired               EVENTS_EXPIRED
    │   ├── AlreadyAnswered             ALREADY_ANSWERED
    │   ├── PendingExpired              PENDING_EXPIRED
    │   ├── PreconditionFailed          PRECONDITION_FAILED
    │   ├── IdempotencyMismatch         IDEMPOTENCY_MISMATCH
    │   ├── RateLimited                 RATE_LIMITED
    │   ├── TooManyStreams              TOO_MANY_STREAMS
    │   ├── RequestTooLarge             REQUEST_TOO_LARGE
    │   └── UnsupportedMediaType        UNSUPPORTED_MEDIA_TYPE
    ├── RunCancelled                    RUN_CANCELLED (how a cancelled run ends)
    ├── ExecutionError                  EXECUTION_ERROR (the agent failed; ``cause`` says how)
    │   ├── AgentFailed                 cause AGENT_FAILED
    │   ├── ProviderError               cause PROVIDER_ERROR
    │   ├── ProviderUnavailable         cause PROVIDER_UNAVAILABLE
    │   ├── ProviderRateLimited         cause PROVIDER_RATE_LIMITED
    │   ├── QuotaExhausted              cause QUOTA_EXHAUSTED
    │   ├── ContextTooLong              cause CONTEXT_TOO_LONG
    │   ├── ContentFiltered             cause CONTENT_FILTERED
    │   ├── RunTimeout                  cause TIMEOUT
    │   ├── TurnLimit                   cause TURN_LIMIT
    │   ├── WorkerLost                  cause WORKER_LOST
    │   └── GuestLost                   cause GUEST_LOST
    ├── StorageError                    STORAGE_ERROR
    ├── AuthenticationUnavailable       AUTHENTICATION_UNAVAILABLE
    ├── ShuttingDown                    SHUTTING_DOWN
    └── InternalError                   INTERNAL_ERROR (a bug of ours)

Each class has a ``code`` (what clients switch on) and a ``phrase`` (the same for every occurrence). The HTTP status of
a code is decided in :mod:`agentos.api.kit.errors` alone. The message is for the caller: it says what was given and what
is accepted, and never holds a secret or the text of an internal exception.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class AgentOSError(Exception):
    """Base of every error that AgentOS raises on purpose.

    ``details`` is handed to clients as it is, and must be JSON; ``retry_after`` is in seconds.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    phrase: ClassVar[str] = "internal error"

    def __init_subclass__(cls, *, code: str | None = None, phrase: str | None = None) -> None:
        """Take a class's own code; the phrase is the code in words where the class gives no other."""
        if code is not None:
            cls.code = code
        if phrase is not None:
            cls.phrase = phrase
        elif "code" in vars(cls) and "phrase" not in vars(cls):
            cls.phrase = cls.code.replace("_", " ").lower()

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message or self.phrase)
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """What was given and what is accepted, in a sentence."""
        return str(self.args[0])

    @property
    def message_to_operator(self) -> str:
        """The message for a terminal of the operator, which may say more than the one for clients."""
        return self.message


class ConfigError(AgentOSError, code="CONFIG_ERROR", phrase="invalid configuration"):
    """A setting's value is not accepted; the message names setting, value and what is accepted."""


class PluginError(AgentOSError, code="PLUGIN_ERROR", phrase="broken plugin"):
    """A plugin cannot be loaded or offers what another plugin already has; the message names it."""


class RequestError(AgentOSError, code="INVALID_REQUEST"):
    """The request is at fault; nothing was done."""


class InvalidRequest(RequestError):
    """Malformed JSON, a missing or wrong field, or a bad query parameter."""


class InvalidMedia(RequestError, code="INVALID_MEDIA"):
    """An attachment that is refused for its type, source, size or host."""


class Unauthenticated(RequestError, code="UNAUTHENTICATED"):
    """No credential was given, or it is not valid (any more). The message never says which of its parts is wrong."""


class Forbidden(RequestError, code="FORBIDDEN"):
    """The credential is valid, and does not allow this."""


class NotFound(RequestError, code="NOT_FOUND"):
    """The route or the thing does not exist, or is not the caller's."""


class AgentNotFound(NotFound, code="AGENT_NOT_FOUND"):
    """No agent has this id."""

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent with ID {agent_id!r} not found")


class AgentVersionNotFound(NotFound, code="AGENT_VERSION_NOT_FOUND"):
    """The agent has no such version: there never was one, or it is deleted."""

    def __init__(self, agent_id: str, version: int | str) -> None:
        super().__init__(
            f"agent {agent_id!r} has no version {version!s:.40}; its list of versions names those that are kept, and"
            " those of an agent that was deleted are not"
        )


class SessionNotFound(NotFound, code="SESSION_NOT_FOUND"):
    """No session has this id."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session with ID {session_id!r} not found")


class RunNotFound(NotFound, code="RUN_NOT_FOUND"):
    """No run has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run with ID {run_id!r} not found")


class SummaryNotFound(NotFound, code="SUMMARY_NOT_FOUND"):
    """The session has no summary yet."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session {session_id!r} has no summary yet; POST to this address makes one")


class MethodNotAllowed(RequestError, code="METHOD_NOT_ALLOWED"):
    """The route exists, but not with this method."""


class AgentExists(RequestError, code="AGENT_EXISTS"):
    """The agent's id is taken, or belongs to an agent that code or a plugin registered."""


class SessionBusy(RequestError, code="SESSION_BUSY"):
    """The session has a run under way, and the request asked to be refused then; or a run that is paused.

    ``pending`` are the ids of the actions that the paused run ``run_id`` waits for.
    """

    def __init__(self, session_id: str, *, run_id: str | None = None, pending: Sequence[str] = ()) -> None:
        if run_id is None:
            super().__init__(
                f"session {session_id!r} has a run under way; try again when it has ended. A new run may wait for it,"
                " with concurrency 'enqueue'",
                retry_after=1.0,
            )
            return
        super().__init__(
            f"run {run_id!r} of session {session_id!r} is paused and waits for {len(pending)} answers; answer them with"
            f" POST /api/v1/runs/{run_id}/resume, or cancel it. A new run ends it with concurrency 'interrupt' or"
            " 'rollback'",
            details={"run_id": run_id, "pending": list(pending)},
            retry_after=1.0,
        )


class RunFinished(RequestError, code="RUN_FINISHED"):
    """The run has ended; there is nothing left to cancel."""


class RunActive(RequestError, code="RUN_ACTIVE"):
    """The run is queued or under way. End it, or wait for its end; then it can be deleted or continued."""

    def __init__(self, run_id: str, why: str = "only an ended run can be deleted") -> None:
        super().__init__(f"run {run_id!r} has not ended yet, and {why}; cancel it, or wait for its end")


class RunRequired(RequestError, code="RUN_REQUIRED"):
    """The tool call has to wait for a person or a client, for which only a run can wait.

    ``details.kind`` says for what: ``approval``, ``input`` or ``client_tool``.
    """


class IdempotencyConflict(RequestError, code="IDEMPOTENCY_CONFLICT"):
    """The key was used before, and what that request made is gone."""


class EventsExpired(RequestError, code="EVENTS_EXPIRED"):
    """The run has ended, and its events were kept for their time only."""


class AlreadyAnswered(RequestError, code="ALREADY_ANSWERED"):
    """What the run waits for has another answer already."""


class PendingExpired(RequestError, code="PENDING_EXPIRED"):
    """What the run waited for was not answered in time."""


class IdempotencyMismatch(RequestError, code="IDEMPOTENCY_MISMATCH"):
    """The key was used before, with another request."""


class RateLimited(RequestError, code="RATE_LIMITED"):
    """There is no room for this request now."""


class TooManyStreams(RequestError, code="TOO_MANY_STREAMS"):
    """As many streams and waiting requests are open as the owner, the run or the worker may have."""


class PreconditionFailed(RequestError, code="PRECONDITION_FAILED"):
    """``If-Match`` names another version than the present one."""


class RequestTooLarge(RequestError, code="REQUEST_TOO_LARGE"):
    """The body is larger than this server accepts."""


class UnsupportedMediaType(RequestError, code="UNSUPPORTED_MEDIA_TYPE"):
    """The body is not JSON."""


class RunCancelled(AgentOSError, code="RUN_CANCELLED"):
    """The run was cancelled before its end; what it had written was kept."""


class ExecutionError(AgentOSError, code="EXECUTION_ERROR", phrase="agent execution failed"):
    """The agent failed after the run was accepted.

    ``details.cause`` says how, ``details.retryable`` whether the same request may succeed later, and
    ``details.run_id`` which run. ``details.retry_after`` is how many seconds the provider asks to wait, where it does.
    """

    cause: ClassVar[str] = "AGENT_FAILED"
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, *, cause: str | None = None, retryable: bool | None = None, **named: str) -> None:
        """Take a class's own cause, and whether it is retryable."""
        super().__init_subclass__(**named)
        if cause is not None:
            cls.cause = cause
        if retryable is not None:
            cls.retryable = retryable

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        given = {"cause": self.cause, "retryable": self.retryable, **(details or {})}
        if retry_after is not None:
            given["retry_after"] = max(1, math.ceil(min(retry_after, 10**9)))
        super().__init__(message, details=given, retry_after=retry_after)


class AgentFailed(ExecutionError):
    """The agent's own code raised; the exception is in the log, not in the message."""


class ProviderError(ExecutionError, cause="PROVIDER_ERROR"):
    """The model provider refused the request or answered what cannot be understood."""


class ProviderUnavailable(ExecutionError, cause="PROVIDER_UNAVAILABLE", retryable=True):
    """The model provider cannot be reached, or answers that it cannot serve now."""


class ProviderRateLimited(ExecutionError, cause="PROVIDER_RATE_LIMITED", retryable=True):
    """The model provider asks to be called less often."""


class QuotaExhausted(ExecutionError, cause="QUOTA_EXHAUSTED"):
    """The account at the model provider has no credit left. Trying again does not help."""


class ContextTooLong(ExecutionError, cause="CONTEXT_TOO_LONG"):
    """The conversation is longer than the model takes, even without its earlier turns."""


class ContentFiltered(ExecutionError, cause="CONTENT_FILTERED"):
    """The provider's content filter refused the prompt."""


class RunTimeout(ExecutionError, cause="TIMEOUT", retryable=True):
    """The run did not end within its limit and was stopped."""


class TurnLimit(ExecutionError, cause="TURN_LIMIT"):
    """The agent still wanted to call tools after its last allowed turn."""


class WorkerLost(ExecutionError, cause="WORKER_LOST", retryable=True):
    """The process that executed the run is gone."""


class GuestLost(ExecutionError, cause="GUEST_LOST", retryable=True):
    """The guest process that ran the agent is gone, or does not speak its protocol any more."""


class StorageError(AgentOSError, code="STORAGE_ERROR", phrase="storage unavailable"):
    """The database did not take or give the data; nothing that was not saved is reported as done.

    ``reason`` is what the database or its driver said. It is for the operator's terminal, never for a client.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def message_to_operator(self) -> str:
        """The message, and the reason where there is one."""
        return f"{self.message}: {self.reason}" if self.reason else self.message


class AuthenticationUnavailable(AgentOSError, code="AUTHENTICATION_UNAVAILABLE"):
    """The credential cannot be checked now: what it is checked with is out of reach."""


class ShuttingDown(AgentOSError, code="SHUTTING_DOWN", phrase="server is shutting down"):
    """The server is draining and takes no new runs."""


class InternalError(AgentOSError):
    """A bug of ours; the log has the reason under the same request id."""
