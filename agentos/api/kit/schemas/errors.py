"""The one shape of every error."""

from __future__ import annotations

from agentos.api.kit.errors import CODE_STATUS
from agentos.api.kit.schemas.fields import Choice, Object, StrictString
from agentos.api.kit.schemas.structure import ResponseSchema


class ErrorSchema(ResponseSchema):
    """What went wrong; `code` is what programs switch on."""

    error = StrictString("A short phrase, the same for every occurrence.", example="agent not found")
    message = StrictString("What was given and what is accepted.", example="agent with ID 'non-existent' not found")
    code = Choice("What went wrong, for programs.", tuple(CODE_STATUS), example="AGENT_NOT_FOUND")
    request_id = StrictString("The request's id, as in `X-Request-ID`; the server's log has it too.")
    details = Object(
        "More, by code: `fields` (INVALID_REQUEST); `cause`, `run_id`, `retryable`, and `retry_after` in seconds where"
        " the provider said so (EXECUTION_ERROR).",
        optional=True,
    )


class RunErrorSchema(ResponseSchema):
    """Why a run did not complete, as the answer to it would have said."""

    error = StrictString("A short phrase, the same for every occurrence.")
    message = StrictString("What happened.")
    code = Choice("What happened, for programs.", tuple(CODE_STATUS))
    details = Object("`cause`, `run_id`, `retryable`; `retry_after` in seconds where the provider said so.")
