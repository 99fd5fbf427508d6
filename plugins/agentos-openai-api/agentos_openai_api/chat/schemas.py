"""Chat completions as clients send and read them."""

from __future__ import annotations

from agentos.web import (
    Choice,
    Nested,
    NestedList,
    Object,
    ObjectList,
    OpenRequestSchema,
    Raw,
    ResponseSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
)

MOST_MESSAGES = 2048
MOST_TOOLS = 128

ROLES = ("system", "developer", "user", "assistant", "tool")

PARAMETERS = (
    "temperature",
    "top_p",
    "stop",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "parallel_tool_calls",
)
"""Fields that go to the model where the agent allows them, and are left out elsewhere."""


class ChatMessageSchema(OpenRequestSchema):
    """A message of the conversation."""

    role = Choice("Who said it.", ROLES, required=True)
    content = Raw(
        "What was said: a text, or a list of parts. A user's may be `text`, `image_url`, `input_audio` and `file`.",
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}, {"type": "null"}]},
        nullable=True,
    )
    tool_calls = Raw(
        "An assistant's calls of the client's tools.",
        {"type": ["array", "null"], "items": {"type": "object"}},
        nullable=True,
    )
    tool_call_id = StrictString("The call that a tool's message answers.", nullable=True)


class StreamOptionsSchema(OpenRequestSchema):
    """Options of a stream."""

    include_usage = StrictBoolean("Whether a chunk with the usage comes before the end.", nullable=True)


class ChatToolSchema(OpenRequestSchema):
    """A tool that the client executes."""

    type = Choice("Its kind.", ("function",), required=True)
    function = Object("Its `name`, `description` and `parameters`, a JSON schema.")


class ChatCompletionRequestSchema(OpenRequestSchema):
    """What a chat completion asks for. Fields that are not listed are ignored, and named in `X-Ignored-Fields`."""

    model = StrictString("The agent's id.", least=1, most=255, required=True, example="assistant")
    messages = ObjectList(
        ChatMessageSchema, "The conversation, the oldest first.", least=1, most=MOST_MESSAGES, required=True
    )
    stream = StrictBoolean("Whether the answer is a stream.", nullable=True, default=False)
    stream_options = Nested(StreamOptionsSchema, allow_none=True)
    user = StrictString("The client's name of a user.", most=255, nullable=True)
    metadata = Object(
        "Kept with the run. `session_id` in it names the session, as the header `X-AgentOS-Session-Id` does.",
        nullable=True,
    )
    tools = ObjectList(ChatToolSchema, "Tools that the client executes.", most=MOST_TOOLS, nullable=True)
    tool_choice = Raw("`auto`, `none`; others where the agent allows the override `tool_choice`.", nullable=True)
    response_format = Object("`text`, `json_object` or `json_schema`.", nullable=True)

    temperature = Raw("Goes to the model where the agent allows it.", {"type": "number"}, nullable=True)
    top_p = Raw("Goes to the model where the agent allows it.", {"type": "number"}, nullable=True)
    stop = Raw("Goes to the model where the agent allows it.", nullable=True)
    seed = Raw("Goes to the model where the agent allows it.", {"type": "integer"}, nullable=True)
    max_tokens = Raw("Lowers the agent's output limit.", {"type": "integer"}, nullable=True)
    max_completion_tokens = Raw("Lowers the agent's output limit.", {"type": "integer"}, nullable=True)
    frequency_penalty = Raw("Goes to the model where the agent allows it.", {"type": "number"}, nullable=True)
    presence_penalty = Raw("Goes to the model where the agent allows it.", {"type": "number"}, nullable=True)
    logit_bias = Raw("Goes to the model where the agent allows it.", {"type": "object"}, nullable=True)
    reasoning_effort = Raw("Goes to the model where the agent allows it.", {"type": "string"}, nullable=True)
    verbosity = Raw("Goes to the model where the agent allows it.", {"type": "string"}, nullable=True)
    service_tier = Raw("Goes to the model where the agent allows it.", {"type": "string"}, nullable=True)
    parallel_tool_calls = Raw("Goes to the model where the agent allows it.", {"type": "boolean"}, nullable=True)

    n = StrictInteger("Only 1.", least=1, most=1, nullable=True)
    logprobs = Raw("Only false.", {"enum": [False]}, nullable=True)
    top_logprobs = Raw("Only 0.", {"enum": [0]}, nullable=True)
    modalities = Raw('Only `["text"]`.', nullable=True)
    audio = Raw("Refused: answers are text.", {"type": "null"}, nullable=True)
    functions = Raw("Refused: use `tools`.", {"type": "null"}, nullable=True)
    function_call = Raw("Refused: use `tool_choice`.", {"type": "null"}, nullable=True)
    web_search_options = Raw("Refused: agents bring their own tools.", {"type": "null"}, nullable=True)
    moderation = Raw("Refused: this server moderates nothing.", {"type": "null"}, nullable=True)


class FunctionSchema(ResponseSchema):
    """What a call calls."""

    name = StrictString("The client's tool.")
    arguments = StrictString("The arguments, as JSON.")


class ChatToolCallSchema(ResponseSchema):
    """A call that the client executes. A `tool` message with its `id` answers it."""

    id = StrictString("Its id.")
    type = Choice("Its kind.", ("function",))
    function = Nested(FunctionSchema)


class ChatAnswerMessageSchema(ResponseSchema):
    """What the agent said."""

    role = Choice("Always `assistant`.", ("assistant",))
    content = StrictString("Its text; null where it has none and calls tools.", nullable=True)
    refusal = StrictString("Always null.", nullable=True)
    reasoning_content = StrictString("What the model thought aloud.", optional=True)
    tool_calls = NestedList(ChatToolCallSchema, "What the client has to execute.", optional=True)


class ChatChoiceSchema(ResponseSchema):
    """The answer."""

    index = StrictInteger("Always 0.")
    message = Nested(ChatAnswerMessageSchema)
    logprobs = Object("Always null.", nullable=True)
    finish_reason = Choice(
        "Why it ended; `tool_calls`: the client has to execute them.",
        ("stop", "length", "content_filter", "tool_calls"),
    )


class PromptTokensDetailsSchema(ResponseSchema):
    """Parts of the prompt's tokens."""

    cached_tokens = StrictInteger("Those that the provider had in its cache.")


class CompletionTokensDetailsSchema(ResponseSchema):
    """Parts of the answer's tokens."""

    reasoning_tokens = StrictInteger("Those of the model's reasoning.")


class ChatUsageSchema(ResponseSchema):
    """Tokens of all calls to the model that this answer took."""

    prompt_tokens = StrictInteger("Tokens that the model read.")
    completion_tokens = StrictInteger("Tokens that it wrote.")
    total_tokens = StrictInteger("Both together.")
    prompt_tokens_details = Nested(PromptTokensDetailsSchema)
    completion_tokens_details = Nested(CompletionTokensDetailsSchema)


class ChatCompletionSchema(ResponseSchema):
    """An answer that is whole."""

    id = StrictString("`chatcmpl-` and the run's id.")
    object = Choice("What it is.", ("chat.completion",))
    created = StrictInteger("When the run was accepted, in seconds since 1970.")
    model = StrictString("The agent's id.")
    choices = NestedList(ChatChoiceSchema)
    usage = Nested(ChatUsageSchema)
