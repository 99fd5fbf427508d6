"""The names of attributes and metrics, in one place: the conventions for generative AI are still in development.

Those of OpenTelemetry are of its semantic conventions, November 2026: ``gen_ai.*`` of its repository
semantic-conventions-genai. Ours begin with ``agentos.``.
"""

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
AGENT_ID = "gen_ai.agent.id"
AGENT_NAME = "gen_ai.agent.name"
AGENT_VERSION = "gen_ai.agent.version"
CONVERSATION = "gen_ai.conversation.id"
REQUEST_MODEL = "gen_ai.request.model"
STREAM = "gen_ai.request.stream"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a name
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
ERROR_TYPE = "error.type"

METHOD = "http.request.method"
ORIGINAL_METHOD = "http.request.method_original"
ROUTE = "http.route"
STATUS_CODE = "http.response.status_code"

RUN_ID = "agentos.run.id"
RUN_STATUS = "agentos.run.status"
RUN_ATTEMPT = "agentos.run.attempt"
RUN_CRASHES = "agentos.run.crashes"
PARENT_RUN_ID = "agentos.run.parent_id"
REQUEST_ID = "agentos.request.id"
ATTEMPT = "agentos.model_call.attempt"
STEP_NUMBER = "agentos.step.number"
PAUSE_KINDS = "agentos.pause.kinds"
PAUSE_TOOLS = "agentos.pause.tools"
PAUSE_DECISIONS = "agentos.pause.decisions"

FEW_VALUES = frozenset(
    {
        *(OPERATION, PROVIDER, AGENT_ID, AGENT_NAME, AGENT_VERSION, REQUEST_MODEL, STREAM, FINISH_REASONS),
        *(TOOL_NAME, TOOL_TYPE, ERROR_TYPE, METHOD, ROUTE, STATUS_CODE, RUN_STATUS, RUN_ATTEMPT, ATTEMPT),
    }
)
"""Attributes that have the same few values in nearly all spans: they are encoded once. Their lists are tuples."""
