"""Sessions, their history and their summaries."""

from __future__ import annotations

from typing import Any, ClassVar

from agentos.api.kit.schemas.fields import (
    Choice,
    Flag,
    Object,
    RequestSchema,
    Text,
    Whole,
    id_field,
    metadata_field,
)
from agentos.api.kit.schemas.structure import AnswerSchema, Part, Parts, Time
from agentos.api.v1.schemas.media import MediaDescriptionSchema
from agentos.api.v1.schemas.runs import RunSchema

MAX_NAME = 1024


class NewSessionSchema(RequestSchema):
    """A session to create."""

    agent_id = id_field(
        "The agent that the session is with. It need not be registered yet.", required=True, example="assistant"
    )
    user_id = id_field("The client's name of a user; says nothing about who may see the session.", nullable=True)
    team_id = id_field("The team that it belongs to.", nullable=True)
    workflow_id = id_field("The workflow that it belongs to.", nullable=True)
    name = Text("A name for people.", most=MAX_NAME, nullable=True, example="Trip to Rome")
    metadata = metadata_field("Whatever the client wants to keep with it.", nullable=True)
    state = metadata_field("The client's state of the conversation.", nullable=True)


class SessionChangesSchema(RequestSchema):
    """What to change: what is given replaces, what is absent stays, `null` clears."""

    name = Text("A name for people.", most=MAX_NAME, nullable=True)
    metadata = metadata_field("Whatever the client wants to keep with it.", nullable=True)
    state = metadata_field("The client's state of the conversation.", nullable=True)


class SessionReuseSchema(RequestSchema):
    """Whom to point the session at; at least one field. `null` clears."""

    extra: ClassVar[dict[str, Any]] = {"minProperties": 1}

    agent_id = id_field("Another agent; it need not be registered yet.")
    user_id = id_field("Another user.", nullable=True)
    team_id = id_field("Another team.", nullable=True)
    workflow_id = id_field("Another workflow.", nullable=True)


class SessionSchema(AnswerSchema):
    """One conversation between a user and an agent."""

    session_id = Text("The session's id.")
    agent_id = Text("The agent that the session is with.")
    owner = Text("Whose session it is: only this user or tenant sees it, by its keys and tokens.")
    user_id = Text("The client's name of a user.", nullable=True)
    team_id = Text("The team that it belongs to.", nullable=True)
    workflow_id = Text("The workflow that it belongs to.", nullable=True)
    name = Text("A name for people.", nullable=True)
    metadata = Object("Whatever the client wants to keep with it.")
    state = Object("The client's state of the conversation.")
    run_count = Whole("Runs that ended and stand in the history.")
    total_tokens = Whole("Tokens that those runs used.")
    created_at = Time("When it was created.")
    updated_at = Time("When it was last changed or run in.")


class SessionListSchema(AnswerSchema):
    """Sessions, newest activity first."""

    sessions = Parts(SessionSchema)
    count = Whole("How many are in this answer.")
    next_cursor = Text("Where the next part begins; absent when there is no more.", optional=True)
    total = Whole("How many match in all; only with `include_total`.", optional=True)


class ToolCallSchema(AnswerSchema):
    """A model's wish to call a tool."""

    id = Text("Its id, which the tool's message repeats.")
    name = Text("The tool's name.")
    arguments = Text("The JSON text that the model wrote, whether it parses or not.")


class MessageSchema(AnswerSchema):
    """A message in its place in the session."""

    sequence = Whole("Its place: 1, 2, 3 … without a gap.", least=1)
    run_id = Text("The run that it came from.")
    role = Choice("Who speaks.", ("system", "user", "assistant", "tool"))
    content = Text("What is said.")
    tool_calls = Parts(ToolCallSchema, "The calls that an assistant's message makes.", optional=True)
    tool_call_id = Text("The call that a tool's message answers.", optional=True)
    media = Parts(MediaDescriptionSchema, "The attachments of a user's message.", optional=True)
    created_at = Time("When its run was saved.")


class HistorySchema(AnswerSchema):
    """A part of a session's transcript, oldest first."""

    session_id = Text("The session's id.")
    messages = Parts(MessageSchema)
    runs = Parts(RunSchema, "The runs that the messages came from, and those that left none.")
    next_before = Whole("`before` of the part that lies before; absent when there is none.", optional=True, least=1)


class SummaryRequestSchema(RequestSchema):
    """How to make a summary."""

    later = Flag("Answer at once, and let the model work in the background.", default=False, key="async")


class SummarySchema(AnswerSchema):
    """What a session was about."""

    content = Text("The summary, in the words of the session's agent's model.")
    run_count = Whole("Runs that the session had when it was made.")
    total_tokens = Whole("Tokens that they had used.")
    created_at = Time("When it was made.")


class SummaryAnswerSchema(AnswerSchema):
    """A session's summary."""

    summary = Part(SummarySchema)


class AcceptedSchema(AnswerSchema):
    """Something that is being done."""

    message = Text("What is being done.")


class DeletedSchema(AnswerSchema):
    """Something that is gone."""

    message = Text("What was deleted.")
