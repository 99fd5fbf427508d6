"""Messages as clients send and read them."""

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

_CONTENT = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}
_WHERE_ALLOWED = "Goes to the model where the agent allows it."


class MessageSchema(OpenRequestSchema):
    """A message of the conversation."""

    role = Choice("Who said it.", ("user", "assistant", "system"), required=True)
    content = Raw("What was said: a text, or a list of blocks.", _CONTENT, required=True)


class MessageToolSchema(OpenRequestSchema):
    """A tool that the client executes."""

    type = Raw("Only `custom`.", {"type": ["string", "null"]}, nullable=True)
    name = StrictString("Its name.", required=True)
    description = StrictString("What it does.", nullable=True)
    input_schema = Object("The JSON schema of its input.", nullable=True)
    cache_control = Raw("Changes nothing.", nullable=True)


class MessageMetadataSchema(OpenRequestSchema):
    """What a client says of a request."""

    user_id = StrictString("The client's name of a user, or of a conversation.", most=255, nullable=True)


class OutputConfigSchema(OpenRequestSchema):
    """How the answer shall be."""

    effort = StrictString(_WHERE_ALLOWED, nullable=True)
    format = Object("`json_schema`, with its `schema`.", nullable=True)


class TokenCountRequestSchema(OpenRequestSchema):
    """A conversation: its tokens are counted. Fields that are not listed are ignored, and named in the answer."""

    model = StrictString("The agent's id.", least=1, most=255, required=True, example="assistant")
    messages = ObjectList(MessageSchema, "The conversation, the oldest first.", most=MOST_MESSAGES, required=True)
    system = Raw("Follows the agent's instructions where it allows `instructions`.", _CONTENT, nullable=True)
    tools = ObjectList(MessageToolSchema, "Tools that the client executes.", most=MOST_TOOLS, nullable=True)
    tool_choice = Object("`auto`, `none`; others where the agent allows the override `tool_choice`.", nullable=True)
    thinking = Object("Whether thoughts are shown. " + _WHERE_ALLOWED, nullable=True)
    output_config = Nested(OutputConfigSchema, allow_none=True)
    cache_control = Raw("Changes nothing.", nullable=True)


class MessageRequestSchema(TokenCountRequestSchema):
    """What a message asks for. Fields that are not listed are ignored, and named in `X-Ignored-Fields`."""

    max_tokens = StrictInteger("Lowers the agent's output limit.", least=1, required=True)
    stream = StrictBoolean("Whether the answer is a stream.", nullable=True, default=False)
    metadata = Nested(MessageMetadataSchema, allow_none=True)
    stop_sequences = Raw(_WHERE_ALLOWED, {"type": "array", "items": {"type": "string"}}, nullable=True)
    temperature = Raw(_WHERE_ALLOWED, {"type": "number"}, nullable=True)
    top_p = Raw(_WHERE_ALLOWED, {"type": "number"}, nullable=True)
    top_k = Raw(_WHERE_ALLOWED, {"type": "integer"}, nullable=True)
    output_format = Object("An earlier name of `output_config.format`.", nullable=True)
    container = Raw("Refused: agents have no containers.", nullable=True)
    mcp_servers = Raw("Refused: agents bring their own tools.", nullable=True)
    thread = Raw("Refused: a conversation that the server holds is a session.", nullable=True)


class OutputTokensDetailsSchema(ResponseSchema):
    """Parts of the answer's tokens."""

    thinking_tokens = StrictInteger("Those of the model's thoughts.")


class MessageUsageSchema(ResponseSchema):
    """Tokens of all calls to the model that this answer took."""

    input_tokens = StrictInteger("Tokens that the model read, without those in the provider's cache.")
    cache_creation_input_tokens = StrictInteger("Always 0: providers here do not say.")
    cache_read_input_tokens = StrictInteger("Tokens that the provider had in its cache.")
    output_tokens = StrictInteger("Tokens that it wrote.")
    output_tokens_details = Nested(OutputTokensDetailsSchema)


class MessageBlockSchema(ResponseSchema):
    """A block of the answer: `text`; `thinking` with `signature`; or `tool_use` with `id`, `name`, `input`."""

    type = Choice("What it is.", ("text", "thinking", "tool_use"))
    text = StrictString("A text.", optional=True)
    thinking = StrictString("A thought.", optional=True)
    signature = StrictString("Of a thought; it says nothing.", optional=True)
    id = StrictString("The call's id. A `tool_result` with it answers the call.", optional=True)
    name = StrictString("The client's tool.", optional=True)
    input = Object("What the tool is called with.", optional=True)


class AnthropicMessageSchema(ResponseSchema):
    """An answer that is whole."""

    id = StrictString("`msg_`, the run's id, and a number.")
    type = Choice("What it is.", ("message",))
    role = Choice("Always `assistant`.", ("assistant",))
    model = StrictString("The agent's id.")
    content = NestedList(MessageBlockSchema)
    stop_reason = Choice(
        "Why it ended; `tool_use`: the client has to execute tools.",
        ("end_turn", "max_tokens", "tool_use", "refusal"),
    )
    stop_sequence = StrictString("Always null.", nullable=True)
    usage = Nested(MessageUsageSchema)


class TokenCountSchema(ResponseSchema):
    """An estimate of a conversation's tokens."""

    input_tokens = StrictInteger("About how many tokens the conversation has.")
    estimated = StrictBoolean("Always true: the server has no model's tokenizer.")
