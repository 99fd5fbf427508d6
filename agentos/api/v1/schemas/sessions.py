"""Sessions, their history and their summaries."""

from __future__ import annotations

from typing import Any, ClassVar

from agentos.api.kit.schemas.fields import (
    Choice,
    Object,
    RequestSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
    id_field,
    metadata_field,
)
from agentos.api.kit.schemas.structure import Nested, NestedList, ResponseSchema, Time
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
    name = StrictString("A name for people.", most=MAX_NAME, nullable=True, example="Trip to Rome")
    metadata = metadata_field("The client's own values, kept with it.", nullable=True)
    state = metadata_field("The client's state of the conversation.", nullable=True)


class SessionChangesSchema(RequestSchema):
    """What to change: what is given replaces, what is absent stays, `null` clears."""

    name = StrictString("A name for people.", most=MAX_NAME, nullable=True)
    metadata = metadata_field("The client's own values, kept with it.", nullable=True)
    state = metadata_field("The client's state of the conversation.", nullable=True)


class SessionReuseSchema(RequestSchema):
    """Whom to point the session at; at least one field. `null` clears."""

    extra: ClassVar[dict[str, Any]] = {"minProperties": 1}

    agent_id = id_field("Another agent; it need not be registered yet.")
    user_id = id_field("Another user.", nullable=True)
    team_id = id_field("Another team.", nullable=True)
    workflow_id = id_field("Another workflow.", nullable=True)


class ForkSchema(RequestSchema):
    """Up to where to copy a session, and what is to be different; what is absent is as there, `null` clears."""

    before_run_id = id_field(
        "Copy what was said before this run; without it, everything. A run that has not ended stands for the end."
    )
    user_id = id_field("The client's name of a user.", nullable=True)
    name = StrictString("A name for people.", most=MAX_NAME, nullable=True, example="Trip to Rome, by train")
    metadata = metadata_field("The client's own values, kept with it.", nullable=True)
    state = metadata_field(
        "The client's state of the conversation. Absent, it is copied with the whole transcript, and else empty.",
        nullable=True,
    )


class ForkedFromSchema(ResponseSchema):
    """What a fork began as a copy of. It may be gone by now."""

    session_id = StrictString("The session.")
    before_run_id = StrictString("The run before which the copy ends; absent when it has all.", optional=True)


class SessionSchema(ResponseSchema):
    """One conversation between a user and an agent."""

    session_id = StrictString("The session's id.")
    agent_id = StrictString("The agent that the session is with.")
    owner = StrictString("Whose session it is: only this user or tenant sees it, by its keys and tokens.")
    user_id = StrictString("The client's name of a user.", nullable=True)
    team_id = StrictString("The team that it belongs to.", nullable=True)
    workflow_id = StrictString("The workflow that it belongs to.", nullable=True)
    name = StrictString("A name for people.", nullable=True)
    metadata = Object("The client's own values, kept with it.")
    state = Object("The client's state of the conversation.")
    run_count = StrictInteger("Runs that ended and stand in the history.")
    total_tokens = StrictInteger("Tokens that those runs used.")
    created_at = Time("When it was created.")
    updated_at = Time("When it was last changed or run in.")
    forked_from = Nested(ForkedFromSchema, "Where a fork is from; absent in any other session.", optional=True)


class ListedSessionSchema(SessionSchema):
    """A session as lists have it."""

    state = Object("The client's state of the conversation; only with `include=state`.", optional=True)


class SessionListSchema(ResponseSchema):
    """Sessions, newest activity first."""

    sessions = NestedList(ListedSessionSchema)
    count = StrictInteger("How many are in this answer.")
    next_cursor = StrictString("Where the next part begins; absent when there is no more.", optional=True)
    total = StrictInteger("How many match in all; only with `include_total`.", optional=True)


class ToolCallSchema(ResponseSchema):
    """A model's wish to call a tool."""

    id = StrictString("Its id, which the tool's message repeats.")
    name = StrictString("The tool's name.")
    arguments = StrictString("The JSON text that the model wrote, whether it parses or not.")


class MessageSchema(ResponseSchema):
    """A message in its place in the session."""

    sequence = StrictInteger("Its place: 1, 2, 3 … What is deleted leaves a gap.", least=1)
    run_id = StrictString("The run that it came from; empty where it was added without a run.")
    role = Choice("Who speaks.", ("system", "user", "assistant", "tool"))
    content = StrictString("What is said.")
    tool_calls = NestedList(ToolCallSchema, "The calls that an assistant's message makes.", optional=True)
    tool_call_id = StrictString("The call that a tool's message answers.", optional=True)
    media = NestedList(MediaDescriptionSchema, "The attachments of a user's message.", optional=True)
    created_at = Time("When its run was saved, or it was added.")


class HistorySchema(ResponseSchema):
    """A part of a session's transcript, oldest first."""

    session_id = StrictString("The session's id.")
    messages = NestedList(MessageSchema)
    runs = NestedList(RunSchema, "The runs that the messages came from, and those that left none.")
    next_before = StrictInteger(
        "`before` of the part that lies before; absent when there is none.", optional=True, least=1
    )


class SummaryRequestSchema(RequestSchema):
    """How to make a summary."""

    later = StrictBoolean("Answer at once, and let the model work in the background.", default=False, key="async")


class SummarySchema(ResponseSchema):
    """What a session was about."""

    content = StrictString("The summary, in the words of the session's agent's model.")
    run_count = StrictInteger("Runs that the session had when it was made.")
    total_tokens = StrictInteger("Tokens that they had used.")
    created_at = Time("When it was made.")


class SummaryAnswerSchema(ResponseSchema):
    """A session's summary."""

    summary = Nested(SummarySchema)


class AcceptedSchema(ResponseSchema):
    """Something that is being done."""

    message = StrictString("What is being done.")


class DeletedSchema(ResponseSchema):
    """Something that is gone."""

    message = StrictString("What was deleted.")


class DeletedDataSchema(ResponseSchema):
    """How much was deleted."""

    sessions = StrictInteger("Sessions.")
    runs = StrictInteger("Runs, in sessions or not.")
    attachments = StrictInteger("Attachments: the same bytes in several runs count once.")
    aliases = StrictInteger("Aliases: ids of other protocols that stood for sessions.")
    records = StrictInteger("Records that plugins keep: webhooks, schedules, budgets. With `user_id`, none.")
