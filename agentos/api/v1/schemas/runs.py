"""Runs: what is asked for, how it is answered, how it is found again."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from agentos.api.kit.schemas.errors import RunErrorSchema
from agentos.api.kit.schemas.fields import (
    Choice,
    Object,
    RequestSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
    StringList,
    id_field,
    metadata_field,
)
from agentos.api.kit.schemas.structure import Nested, NestedList, ObjectList, ResponseSchema, Seconds, Time
from agentos.api.v1.schemas.media import MediaDescriptionSchema, attachments_field
from agentos.api.v1.schemas.pauses import DecisionSchema, PendingActionSchema, RememberedSchema
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.models.deltas import FinishReason
from agentos.services.overrides import MOST_CLIENT_TOOLS
from agentos.services.size_limits import MAX_DESCRIPTION
from agentos.tools.tool import TOOL_NAME

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
    metadata = metadata_field("The client's own values, kept with it.")


class ClientToolSchema(RequestSchema):
    """A tool that the client executes: the model may call it, and the run pauses until the client gives its result."""

    name = StrictString(
        "Its name; not that of a tool of the agent.",
        pattern=f"^{TOOL_NAME.pattern}$",
        words="1 to 64 letters, digits, '_' and '-'",
        required=True,
        example="open_page",
    )
    description = StrictString("What it does, for the model.", most=MAX_DESCRIPTION, default="")
    parameters = metadata_field("The JSON schema of its arguments, of type object; absent: it has none.")


class OverridesSchema(RequestSchema):
    """What one run does differently from its agent, where the agent's `allow_overrides` names it."""

    parameters = metadata_field(
        "Fields of the model's request, each allowed by its own name. An output limit (`max_tokens`,"
        " `max_completion_tokens`, `max_output_tokens`) never raises the agent's. The model, its provider, headers and"
        " `extra_…` are refused with every agent."
    )
    output_schema = metadata_field("A JSON schema for the answer, in place of the agent's.")
    client_tools = ObjectList(
        ClientToolSchema, "Tools that the client executes, beside the agent's.", most=MOST_CLIENT_TOOLS
    )
    instructions = StrictString(
        "Instructions in place of the agent's; refused unless the agent allows them. At most `AGENTOS_MAX_INPUT_SIZE`"
        " in UTF-8."
    )


class RunRequestSchema(RequestSchema):
    """What an agent is asked; `input`, `media`, or both."""

    extra: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"required": ["input"], "properties": {"input": {"minLength": 1}}},
            # Of a single attachment, an object, `minItems` says nothing.
            {"required": ["media"], "properties": {"media": {"minItems": 1}}},
        ]
    }

    input = StrictString(
        "What the user says. At most `AGENTOS_MAX_INPUT_SIZE` in UTF-8 (1 MiB by default).",
        default="",
        example="What is the weather in SF?",
    )
    media = attachments_field()
    session_id = id_field("The session to run in; without one the run has no memory.")
    user_id = id_field("The client's name of a user; says nothing about who may see the run.")
    metadata = metadata_field("The client's own values, kept with the run.")
    stream = StrictBoolean("Stream the answer, as `/run/stream` does.", default=False)
    background = StrictBoolean(
        "Answer at once, with 202 and where the run will be found; it continues by itself. Not together with a stream.",
        default=False,
    )
    concurrency = Choice(
        "What happens when the session has unfinished runs. `enqueue`: wait for them, in order. `reject`: refuse this"
        " one. `interrupt`: cancel them, keep what they wrote in the history, then run. `rollback`: cancel them, forget"
        " them, then run. Absent: as the agent says.",
        BusyPolicy,
    )
    on_disconnect = Choice(
        "What happens when the client goes away before the run has ended: it continues, or (`cancel`) is cancelled.",
        ("continue", "cancel"),
        default="continue",
    )
    overrides = Nested(OverridesSchema, "What this run does differently from its agent.")
    run_context = Nested(
        RunContextSchema, "Where the run belongs. At most `AGENTOS_MAX_METADATA_SIZE` as JSON, its metadata included."
    )


class UsageSchema(ResponseSchema):
    """Tokens, summed over all model calls of the run."""

    prompt_tokens = StrictInteger("Tokens that the model read.")
    completion_tokens = StrictInteger("Tokens that it wrote, those of its reasoning included.")
    total_tokens = StrictInteger("Both together.")
    reasoning_tokens = StrictInteger("Those of `completion_tokens` that went into reasoning.")
    cached_tokens = StrictInteger(
        "Those of `prompt_tokens` that the provider had in its cache; absent where it does not say.", optional=True
    )


class RunMetadataSchema(ResponseSchema):
    """How a run went."""

    agent_id = StrictString("The agent that ran.")
    loops = StrictInteger("Turns of the model.")
    duration = Seconds("Seconds from the request to the end.")
    usage = Nested(UsageSchema)
    media = NestedList(MediaDescriptionSchema, "The attachments that came with the request.")


class RunAnswerSchema(ResponseSchema):
    """A run that has completed."""

    run_id = StrictString("The run's id.")
    status = Choice("How it ended; other ends are errors.", ("completed",))
    content = StrictString("What the agent answered.")
    model = StrictString(MODEL, nullable=True, example="openai:gpt-5-mini")
    finish_reason = Choice(FINISH_REASON, REASONS, nullable=True)
    session_id = StrictString("The session that it ran in; absent without one.", optional=True)
    metadata = Nested(RunMetadataSchema)


class PausedRunSchema(ResponseSchema):
    """A run that waits for a person or its client, and continues once all is answered."""

    run_id = StrictString("The run's id.")
    status = Choice("Where it stands.", ("paused",))
    agent_id = StrictString("The agent that runs.")
    session_id = StrictString("The session that it runs in; absent without one.", optional=True)
    pending = NestedList(PendingActionSchema, "What it waits for; `POST /api/v1/runs/{run_id}/resume` answers it.")


class AcceptedRunSchema(ResponseSchema):
    """A background run that was accepted; a repeat of the request gets the same."""

    run_id = StrictString("The run's id.")
    status = Choice("Where it stood then.", ("queued",))
    session_id = StrictString("The session that it runs in; absent without one.", optional=True)


class RunSchema(ResponseSchema):
    """A run as it is saved."""

    run_id = StrictString("The run's id.")
    agent_id = StrictString("The agent that runs.")
    session_id = StrictString("The session that it runs in.", nullable=True)
    agent_version = StrictInteger(
        "The version of a stored agent with which it runs; null for an agent in code.", least=1, nullable=True
    )
    owner = StrictString("Whose run it is: only this user or tenant sees it, by its keys and tokens.")
    user_id = StrictString("The client's name of a user.", nullable=True)
    status = Choice("Where it stands; the last three are its one end.", RunStatus)
    input = StrictString("What the user said.")
    media = NestedList(MediaDescriptionSchema, "The attachments that came with it.")
    content = StrictString("What the agent answered, or had said when it ended otherwise.", nullable=True)
    reasoning = StrictString("What the model thought aloud.", nullable=True)
    model = StrictString(MODEL, nullable=True)
    finish_reason = Choice(FINISH_REASON, REASONS, nullable=True)
    error = Nested(RunErrorSchema, "Why it did not complete.", allow_none=True)
    usage = Nested(UsageSchema)
    loops = StrictInteger("Turns of the model.")
    duration = Seconds("Seconds from the request to the end.", nullable=True)
    crashes = StrictInteger("Workers that were lost while they executed it.")
    metadata = Object("What the client keeps with it.")
    run_context = Object("Where it belongs, as the request said.")
    created_at = Time("When it was accepted.")
    started_at = Time("When its turn in the session came.", nullable=True)
    ended_at = Time("When it ended.", nullable=True)


class RunStepSchema(ResponseSchema):
    """A try of a call to a model, or a call of a tool, in a run."""

    number = StrictInteger("1, 2, 3 … by their starts; of very many, those in the middle are left out.", least=1)
    type = Choice("What was called.", ("model_call", "tool_call"))
    status = Choice(
        "How it ended; `started` if it had no end when the run completed.", ("started", "completed", "failed")
    )
    started_at = Time("When it started.")
    duration = Seconds("Seconds from its start to its end.", optional=True)
    model = StrictString("The model that was called, as `provider:name`.", optional=True)
    attempt = StrictInteger("1 for the first try of a call to the model, 2 for the next.", least=1, optional=True)
    time_to_first_token = Seconds("Seconds until the model sent anything.", optional=True)
    finish_reason = Choice("Why the model stopped, as in the run.", REASONS, optional=True)
    usage = Nested(UsageSchema, "What this call took.", optional=True)
    tool_name = StrictString("The tool that was called.", optional=True)
    tool_call_id = StrictString("The call's id, as in the events.", optional=True)
    cause = StrictString("Why it failed, as `details.cause` or `code` of an error.", optional=True)
    remembered = Nested(
        RememberedSchema,
        "The decision that decided about a tool call, where one holds for the session.",
        optional=True,
    )


class SpanSchema(ResponseSchema):
    """A part of a run's time: waiting for its turn, a call, or a pause. Those of parallel calls overlap."""

    kind = Choice(
        "`queue`: it waits for its turn in the session. `pause`: it waits for answers.",
        ("queue", "model_call", "tool_call", "pause"),
    )
    status = Choice("Whether it is over, and how.", ("started", "completed", "failed"))
    start = Seconds("Seconds from `created_at` of the run to its start.")
    duration = Seconds("Seconds from its start to its end; absent while it lasts.", optional=True)
    name = StrictString("The model, as `provider:name`, or the tool that was called.", optional=True)
    step = StrictInteger("The `number` of the call in `steps`, which has more of it.", least=1, optional=True)
    attempt = StrictInteger("1 for the first try of a call to the model, 2 for the next.", least=1, optional=True)
    time_to_first_token = Seconds("Seconds from the start of the call until the model sent anything.", optional=True)
    cause = StrictString("Why it failed, as in `steps`.", optional=True)
    action_ids = StringList("What the pause waited for; `decisions` and `pending` have these.", optional=True)


class TimingSchema(ResponseSchema):
    """The sums of a run's timeline. Waits that are not over are not in them."""

    queued = Seconds("Seconds that it waited for its turn.")
    paused = Seconds("Seconds that it waited for answers.")
    time_to_first_token = Seconds("Seconds from `created_at` until a model sent anything.", nullable=True)
    model_calls = StrictInteger("Calls to models, with those that were tries again.")
    retries = StrictInteger("How many of them were tries again.")
    tool_calls = StrictInteger("Calls of tools.")
    failed_tool_calls = StrictInteger("How many of them failed.")


class ChildRunSchema(ResponseSchema):
    """A run that another run made."""

    run_id = StrictString("Its id.")
    agent_id = StrictString("The agent that runs.")
    status = Choice("Where it stands.", RunStatus)
    start = Seconds("Seconds from `created_at` of the run that made it to its own.")
    duration = Seconds("Seconds from its start to its end; absent while it is under way.", optional=True)


class RunDetailSchema(RunSchema):
    """A run as it is saved, with the calls that it made and what it waits for."""

    pending = NestedList(PendingActionSchema, "What it waits for while it is `paused`; else empty.")
    decisions = NestedList(
        DecisionSchema,
        "What was decided and answered: by whom, when, from where, and what was changed. First what the run waited"
        " for, then the calls that remembered decisions decided, once the run has ended.",
    )
    steps = NestedList(
        RunStepSchema, "The calls to models and tools, once the run has ended or is paused. At most 100."
    )
    timeline = NestedList(
        SpanSchema,
        "What the run did with its time, by the starts. Calls are in it once the run has ended or is paused; while it"
        " runs, its events tell them.",
    )
    timing = Nested(TimingSchema, "The sums of `timeline`.")
    children = NestedList(ChildRunSchema, "The runs that this run made, by their starts; the newest 100 at most.")


class RunListSchema(ResponseSchema):
    """Runs, newest first."""

    runs = NestedList(RunSchema)
    count = StrictInteger("How many are in this answer.")
    next_cursor = StrictString("Where the next part begins; absent when there is no more.", optional=True)
