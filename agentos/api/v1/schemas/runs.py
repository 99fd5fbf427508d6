"""Runs: what is asked for, how it is answered, how it is found again."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from agentos.api.kit.schemas.errors import RunErrorSchema
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
from agentos.api.kit.schemas.structure import AnswerSchema, Part, Parts, Seconds, Time
from agentos.api.v1.schemas.media import MediaDescriptionSchema, attachments_field
from agentos.domain.run import Concurrency, RunStatus
from agentos.models.deltas import FinishReason

REASONS = get_args(FinishReason)
MODEL = "The last model that answered, as `provider:name`; null for an agent without a model of the server's."
FINISH_REASON = (
    "Why that model stopped. `stop`: its answer is whole. `length`: the output limit cut it. `content_filter`: the"
    " provider's filter cut it. `tool_calls`: it called tools, and the run ended before it answered. `other`: a reason"
    " that is not known. Null where `model` is."
)


class RunContextSchema(RequestSchema):
    """Where a run belongs; kept with it, never interpreted."""

    parent_run_id = id_field("The run that this one is a part of.")
    workflow_id = id_field("The workflow that it belongs to.")
    team_id = id_field("The team that it belongs to.")
    metadata = metadata_field("Whatever the client wants to keep with it.")


class RunRequestSchema(RequestSchema):
    """What an agent is asked; `input`, `media`, or both."""

    extra: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"required": ["input"], "properties": {"input": {"minLength": 1}}},
            # Of a single attachment, an object, `minItems` says nothing.
            {"required": ["media"], "properties": {"media": {"minItems": 1}}},
        ]
    }

    input = Text(
        "What the user says. At most `AGENTOS_MAX_INPUT_SIZE` in UTF-8 (1 MiB by default).",
        default="",
        example="What is the weather in SF?",
    )
    media = attachments_field()
    session_id = id_field("The session to run in; without one the run has no memory.")
    user_id = id_field("The client's name of a user; says nothing about who may see the run.")
    metadata = metadata_field("Whatever the client wants to keep with the run.")
    stream = Flag("Stream the answer, as `/run/stream` does.", default=False)
    background = Flag(
        "Answer at once, with 202 and where the run will be found; it goes on by itself. Not together with a stream.",
        default=False,
    )
    concurrency = Choice(
        "What happens when the session has unfinished runs. `enqueue`: wait for them, in order. `reject`: refuse this"
        " one. `interrupt`: cancel them, keep what they wrote in the history, then run. `rollback`: cancel them, forget"
        " them, then run. Absent: as the agent says.",
        Concurrency,
    )
    on_disconnect = Choice(
        "What happens when the client goes away before the run has ended: it goes on, or (`cancel`) is cancelled.",
        ("continue", "cancel"),
        default="continue",
    )
    run_context = Part(
        RunContextSchema, "Where the run belongs. At most `AGENTOS_MAX_METADATA_SIZE` as JSON, its metadata included."
    )


class UsageSchema(AnswerSchema):
    """Tokens, summed over all model calls of the run."""

    prompt_tokens = Whole("Tokens that the model read.")
    completion_tokens = Whole("Tokens that it wrote, those of its reasoning included.")
    total_tokens = Whole("Both together.")
    reasoning_tokens = Whole("Those of `completion_tokens` that went into reasoning.")
    cached_tokens = Whole(
        "Those of `prompt_tokens` that the provider had in its cache; absent where it does not say.", optional=True
    )


class RunMetadataSchema(AnswerSchema):
    """How a run went."""

    agent_id = Text("The agent that ran.")
    loops = Whole("Turns of the model.")
    duration = Seconds("Seconds from the request to the end.")
    usage = Part(UsageSchema)
    media = Parts(MediaDescriptionSchema, "The attachments that came with the request.")


class RunAnswerSchema(AnswerSchema):
    """A run that has completed."""

    run_id = Text("The run's id.")
    status = Choice("How it ended; other ends are errors.", ("completed",))
    content = Text("What the agent answered.")
    model = Text(MODEL, nullable=True, example="openai:gpt-5-mini")
    finish_reason = Choice(FINISH_REASON, REASONS, nullable=True)
    session_id = Text("The session that it ran in; absent without one.", optional=True)
    metadata = Part(RunMetadataSchema)


class AcceptedRunSchema(AnswerSchema):
    """A background run that was accepted; a repeat of the request is told the same."""

    run_id = Text("The run's id.")
    status = Choice("Where it stood then.", ("queued",))
    session_id = Text("The session that it runs in; absent without one.", optional=True)


class RunSchema(AnswerSchema):
    """A run as it is saved."""

    run_id = Text("The run's id.")
    agent_id = Text("The agent that runs.")
    session_id = Text("The session that it runs in.", nullable=True)
    owner = Text("Whose run it is: only this user or tenant sees it, by its keys and tokens.")
    user_id = Text("The client's name of a user.", nullable=True)
    status = Choice("Where it stands; the last three are its one end.", RunStatus)
    input = Text("What the user said.")
    media = Parts(MediaDescriptionSchema, "The attachments that came with it.")
    content = Text("What the agent answered, or had said when it ended otherwise.", nullable=True)
    reasoning = Text("What the model thought aloud.", nullable=True)
    model = Text(MODEL, nullable=True)
    finish_reason = Choice(FINISH_REASON, REASONS, nullable=True)
    error = Part(RunErrorSchema, "Why it did not complete.", allow_none=True)
    usage = Part(UsageSchema)
    loops = Whole("Turns of the model.")
    duration = Seconds("Seconds from the request to the end.", nullable=True)
    metadata = Object("What the client keeps with it.")
    run_context = Object("Where it belongs, as the request said.")
    created_at = Time("When it was accepted.")
    started_at = Time("When its turn in the session came.", nullable=True)
    ended_at = Time("When it ended.", nullable=True)


class RunListSchema(AnswerSchema):
    """Runs, newest first."""

    runs = Parts(RunSchema)
    count = Whole("How many are in this answer.")
    next_cursor = Text("Where the next part begins; absent when there is no more.", optional=True)
