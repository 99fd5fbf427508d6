"""Responses as clients ask for them and read them."""

from __future__ import annotations

from agentos.web import (
    Choice,
    Nested,
    Object,
    OpenRequestSchema,
    QueryBoolean,
    QueryInteger,
    Raw,
    ResponseSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
    StringList,
)

MOST_NUMBER = 10**15

_TO_MODEL = "Goes to the model where the agent allows it."
_ITEMS = {"type": "array", "items": {"type": "object"}}


class ResponseRequestSchema(OpenRequestSchema):
    """What a response is made of. Fields that are not listed are ignored, and named in `X-Ignored-Fields`."""

    model = StrictString("The agent's id.", least=1, most=255, required=True, example="assistant")
    input = Raw(
        "What is said: a text, or items. A user's message may have `input_text`, `input_image`, `input_file`.",
        {"oneOf": [{"type": "string"}, _ITEMS]},
        required=True,
    )
    instructions = StrictString(
        "They follow the agent's own, where it allows the override `instructions`; else they are left out.",
        nullable=True,
    )
    stream = StrictBoolean("Whether the answer is a stream.", nullable=True, default=False)
    background = StrictBoolean("Whether to answer at once, and run behind it.", nullable=True, default=False)
    store = StrictBoolean("`false`: the response is not found again by its id.", nullable=True)
    previous_response_id = StrictString("The response to continue.", most=255, nullable=True)
    conversation = Raw("The conversation to continue: its id, or an object with `id`.", nullable=True)
    metadata = Object("Kept with the run. `session_id` in it names the session.", nullable=True)
    user = StrictString("The client's name of a user.", most=255, nullable=True)
    tools = Raw("Functions that the client executes.", _ITEMS, nullable=True)
    tool_choice = Raw("`auto`, `none`; others where the agent allows the override `tool_choice`.", nullable=True)
    text = Object("`format`: `text`, `json_object` or `json_schema`.", nullable=True)
    reasoning = Object("`effort` goes to the model where the agent allows `reasoning_effort`.", nullable=True)
    temperature = Raw(_TO_MODEL, {"type": "number"}, nullable=True)
    top_p = Raw(_TO_MODEL, {"type": "number"}, nullable=True)
    max_output_tokens = Raw("Lowers the agent's output limit.", {"type": "integer"}, nullable=True)
    service_tier = Raw(_TO_MODEL, {"type": "string"}, nullable=True)
    parallel_tool_calls = Raw(_TO_MODEL, {"type": "boolean"}, nullable=True)
    truncation = Choice("Without effect: the server leaves out what is oldest.", ("auto", "disabled"), nullable=True)
    include = StringList("Without effect; `message.output_text.logprobs` is refused.", nullable=True)
    max_tool_calls = Raw("Ignored.", {"type": "integer"}, nullable=True)
    prompt_cache_key = Raw("Ignored, but shown again.", {"type": "string"}, nullable=True)
    prompt_cache_retention = Raw("Ignored.", {"type": "string"}, nullable=True)
    safety_identifier = Raw("Ignored, but shown again.", {"type": "string"}, nullable=True)
    top_logprobs = StrictInteger("Only 0.", most=0, nullable=True)
    prompt = Raw("Refused: this server keeps no prompts.", {"type": "null"}, nullable=True)
    moderation = Raw("Refused: this server moderates nothing.", {"type": "null"}, nullable=True)


class RetrieveQuery(OpenRequestSchema):
    """How a response is read."""

    stream = QueryBoolean("Whether the answer is a stream.", default=False)
    starting_after = QueryInteger("The `sequence_number` after which the stream begins.", most=MOST_NUMBER)


class InputTokensDetailsSchema(ResponseSchema):
    """Parts of the input's tokens."""

    cached_tokens = StrictInteger("Those that the provider had in its cache.")
    cache_write_tokens = StrictInteger("Always 0.")


class OutputTokensDetailsSchema(ResponseSchema):
    """Parts of the output's tokens."""

    reasoning_tokens = StrictInteger("Those of the model's reasoning.")


class ResponseUsageSchema(ResponseSchema):
    """Tokens of all calls to the model that this response took."""

    input_tokens = StrictInteger("Tokens that the model read.")
    input_tokens_details = Nested(InputTokensDetailsSchema)
    output_tokens = StrictInteger("Tokens that it wrote.")
    output_tokens_details = Nested(OutputTokensDetailsSchema)
    total_tokens = StrictInteger("Both together.")


class OpenAIResponseSchema(ResponseSchema):
    """A response: a run, or the part of one between two pauses for its client."""

    id = StrictString("`resp_`, the run's id, and from the second part on `_1`, `_2`, ….")
    object = Choice("Always `response`.", ("response",))
    created_at = StrictInteger("When the run was accepted, in seconds since 1970.")
    completed_at = StrictInteger("When it was completed, in seconds since 1970.", nullable=True)
    status = Choice(
        "Where it stands. `incomplete` with the reason `requires_action`: a person has to answer, then it continues.",
        ("queued", "in_progress", "completed", "incomplete", "failed", "cancelled"),
    )
    model = StrictString("The agent's id.")
    output = Raw("What the agent said and thought, and the calls that the client executes.", _ITEMS)
    error = Object("Why it failed: `code` and `message`.", nullable=True)
    incomplete_details = Object("Why it is incomplete: `reason`.", nullable=True)
    usage = Nested(ResponseUsageSchema, allow_none=True)
    conversation = Object("The conversation that it is in: `id`.", nullable=True)
    metadata = Object("As the request gave it.")
    previous_response_id = StrictString("The response that it continues.", nullable=True)
    instructions = StrictString("As the request gave them.", nullable=True)
    tools = Raw("As the request gave them.", _ITEMS)
    tool_choice = Raw("As the request gave it.")
    text = Object("As the request gave it.")
    reasoning = Object("As the request gave it.", nullable=True)
    temperature = Raw("As the request gave it.", {"type": "number"})
    top_p = Raw("As the request gave it.", {"type": "number"})
    presence_penalty = Raw("Always 0.", {"type": "number"})
    frequency_penalty = Raw("Always 0.", {"type": "number"})
    top_logprobs = StrictInteger("Always 0.")
    max_tool_calls = Raw("Always `null`.", {"type": "null"})
    max_output_tokens = Raw("As the request gave it.", {"type": ["integer", "null"]})
    parallel_tool_calls = StrictBoolean("As the request gave it.")
    service_tier = StrictString("As the request gave it.")
    background = StrictBoolean("As the request gave it.")
    store = StrictBoolean("As the request gave it.")
    truncation = StrictString("As the request gave it.")
    user = StrictString("As the request gave it.", optional=True)
    safety_identifier = StrictString("As the request gave it.", nullable=True)
    prompt_cache_key = StrictString("As the request gave it.", nullable=True)


class ResponseDeletedSchema(ResponseSchema):
    """A response that is gone."""

    id = StrictString("Its id.")
    object = Choice("Always `response.deleted`.", ("response.deleted",))
    deleted = StrictBoolean("Always true.")
