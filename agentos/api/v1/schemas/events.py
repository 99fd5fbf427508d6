"""The ``data`` of a stream's frames, an event a schema."""

from __future__ import annotations

from typing import ClassVar

from agentos.api.kit.schemas.errors import RunErrorSchema
from agentos.api.kit.schemas.fields import Choice, StrictInteger, StrictString
from agentos.api.kit.schemas.structure import Nested, NestedList, Raw, ResponseSchema, Seconds, Time
from agentos.api.v1.schemas.media import MediaDescriptionSchema
from agentos.api.v1.schemas.pauses import DECISIONS, PendingActionSchema, RememberedSchema
from agentos.api.v1.schemas.runs import FINISH_REASON, REASONS, UsageSchema
from agentos.domain.event import (
    EVENT_TYPES,
    Complete,
    CustomEvent,
    Error,
    Paused,
    Reasoning,
    Resumed,
    RunEvent,
    RunStart,
    StateEvent,
    Token,
    ToolCallEvent,
)
from agentos.domain.json_patch import MOST_OPERATIONS


class EventDataSchema(ResponseSchema):
    """The ``data`` of one kind of event; the event's own docstring is its description."""

    event: ClassVar[type[RunEvent]]


class RunStartDataSchema(EventDataSchema):
    """What ``run_start`` carries."""

    event = RunStart

    input = StrictString("What the user said.")
    attempt = StrictInteger(
        "2 or more where another worker continues the run, because its worker was lost: what came before does not"
        " count, but for the first `kept_turns` turns.",
        least=2,
        optional=True,
    )
    kept_turns = StrictInteger(
        "With `attempt`: turns of the model that still count. The `index` of tokens continues after theirs.",
        optional=True,
    )
    session_id = StrictString("The session that it runs in.", optional=True)
    media = NestedList(MediaDescriptionSchema, "The attachments that came with it.", optional=True)


class ReasoningDataSchema(EventDataSchema):
    """What ``reasoning`` carries."""

    event = Reasoning

    content = StrictString("A piece of the model's reasoning.")
    token_count = StrictInteger("How many tokens it is.", optional=True)
    redacted_content = StrictString("What the provider hides but wants back.", optional=True)


class TokenDataSchema(EventDataSchema):
    """What ``token`` carries."""

    event = Token

    token = StrictString("The exact text.")
    index = StrictInteger("0, 1, 2 … in its run.")


class ToolCallDataSchema(EventDataSchema):
    """What ``tool_call`` carries."""

    event = ToolCallEvent

    tool_call_id = StrictString("The call's id.")
    tool_name = StrictString("The tool's name.")
    arguments = Raw("The arguments: an object, or the model's text where that is no JSON.")
    status = Choice("What became of it.", ("started", "completed", "failed"))
    result = StrictString("What the tool returned.", optional=True)
    error = StrictString("What went wrong.", optional=True)
    duration = Seconds("Seconds from its start to its end.", optional=True)
    remembered = Nested(
        RememberedSchema, "The decision that decided about it, where one holds for the session.", optional=True
    )


class CustomDataSchema(EventDataSchema):
    """What ``custom`` carries."""

    event = CustomEvent

    name = StrictString("What it is, as the agent or tool calls it.", pattern="^[A-Za-z][A-Za-z0-9._:-]{0,63}$")
    data = Raw("What the agent or tool says; any JSON, of at most 64 KiB.")


_POINTER = {"type": "string", "description": "A JSON pointer (RFC 6901)."}
_PATCH = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_OPERATIONS,
    "items": {
        "type": "object",
        "required": ["op", "path"],
        "properties": {
            "op": {"type": "string", "enum": ["add", "remove", "replace", "move", "copy", "test"]},
            "path": _POINTER,
            "from": _POINTER,
            "value": {},
        },
    },
}


class StateDataSchema(EventDataSchema):
    """What ``state`` carries."""

    event = StateEvent

    delta = Raw("A JSON Patch (RFC 6902) of the session's state.", _PATCH)


class PausedDataSchema(EventDataSchema):
    """What ``paused`` carries."""

    event = Paused

    pending = NestedList(PendingActionSchema, "What the run waits for.")
    usage = Nested(UsageSchema, "What the run took so far; absent in events of earlier versions.", optional=True)


class ResumedAnswerSchema(ResponseSchema):
    """One answer, as the event ``resumed`` names it."""

    id = StrictString("The action that it answers.")
    decision = Choice("What was decided; of an `approval` alone.", DECISIONS, optional=True)


class ResumedDataSchema(EventDataSchema):
    """What ``resumed`` carries."""

    event = Resumed

    answers = NestedList(ResumedAnswerSchema, "The answers to all that the run waited for.")


class CompleteDataSchema(EventDataSchema):
    """What ``complete`` carries."""

    event = Complete

    output = StrictString("The text of the last turn.")
    duration = Seconds("Seconds from the request to the end.")
    usage = Nested(UsageSchema)
    token_count = StrictInteger("How many `token` events there were.")
    status = Choice("Always the same.", ("completed",))
    loops = StrictInteger("Turns of the model.")
    reasoning = StrictString("All that the model thought aloud.", optional=True)
    model = StrictString(
        "The last model that answered, as `provider:name`; absent where none of the server's did.", optional=True
    )
    finish_reason = Choice(f"{FINISH_REASON.rpartition(' Null')[0]} Absent where `model` is.", REASONS, optional=True)


class ErrorDataSchema(EventDataSchema, RunErrorSchema):
    """What ``error`` carries."""

    event = Error


DATA_SCHEMAS = {schema.event.type: schema for schema in EventDataSchema.__subclasses__()}

_REFERENCES = [f"#/components/schemas/{schema.__name__.removesuffix('Schema')}" for schema in DATA_SCHEMAS.values()]


class RunEventSchema(ResponseSchema):
    """The `data` of one frame of a stream: what happened, when, in which run."""

    type = Choice("What happened; the frame's `event` too.", EVENT_TYPES)
    timestamp = Time("When it happened.")
    run_id = StrictString("The run.")
    agent_id = StrictString("The agent that runs.")
    session_id = StrictString("The session that it runs in.", optional=True)
    data = Raw(
        "What belongs to it, by `type`.",
        {"anyOf": [{"$ref": reference} for reference in _REFERENCES]},
    )


_STREAM = """\
One of a stream of server-sent events (WHATWG HTML, section 9.2). A comment line comes at least every 15 seconds
(AGENTOS_HEARTBEAT_INTERVAL).
"""

_EVENT = {
    "type": "object",
    "description": _STREAM,
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "The event's number in its run."},
        "event": {"type": "string", "enum": list(DATA_SCHEMAS), "description": "The event's type."},
        "data": {
            "type": "string",
            "description": "One line of JSON.",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/RunEvent"},
        },
    },
}

_EXAMPLE = """\
id: 1
event: run_start
data: {"type":"run_start","timestamp":"…","run_id":"…","agent_id":"assistant","data":{"input":"Hi"}}

id: 2
event: token
data: {"type":"token","timestamp":"…","run_id":"…","agent_id":"assistant","data":{"token":"Hello","index":0}}

: heartbeat

"""

# OpenAPI 3.1 has no word for the items of a stream, as 3.2 has with `itemSchema`. This is what 3.2 would have there.
# Tools that know streams read the schema in 3.1 as that of each event.
EVENT_STREAM = {"text/event-stream": {"schema": _EVENT, "example": _EXAMPLE}}
"""The content of a response that streams a run."""
