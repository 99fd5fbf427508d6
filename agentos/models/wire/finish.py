"""Why a model stopped, in the words of many servers."""

from __future__ import annotations

import re

from agentos.errors import ProviderError, ProviderUnavailable
from agentos.models.deltas import FinishReason

_STOP = """
    stop end_turn eos eos_token end stop_sequence stop_token stop_str stopped complete completed finished finish done
    normal success pause_turn end_of_text eot
"""
_LENGTH = """
    length max_tokens max_token max_length max_new_tokens max_output_tokens max_completion_tokens max_tokens_reached
    token_limit limit model_length model_context_window_exceeded context_length_exceeded context_length
    context_window_exceeded incomplete truncated
"""
_TOOL_CALLS = "tool_calls tool_call tool_use function_call function_calls functioncall tool tools"
_CONTENT_FILTER = """
    content_filter content_filtered contentfilter safety refusal sensitive recitation spii prohibited_content blocklist
    image_safety moderation filtered guardrail_intervened blocked content_policy content_policy_violation model_armor
    error_toxic
"""

REASONS: dict[str, FinishReason] = {
    **dict.fromkeys(_STOP.split(), "stop"),
    **dict.fromkeys(_LENGTH.split(), "length"),
    **dict.fromkeys(_TOOL_CALLS.split(), "tool_calls"),
    **dict.fromkeys(_CONTENT_FILTER.split(), "content_filter"),
}
"""Reasons in lower case, with underscores.

OpenAI: stop, length, tool_calls, function_call, content_filter. Anthropic: end_turn, stop_sequence, max_tokens,
tool_use, pause_turn, refusal, model_context_window_exceeded. Gemini: STOP, MAX_TOKENS, SAFETY, RECITATION, BLOCKLIST,
PROHIBITED_CONTENT, SPII, IMAGE_SAFETY. TGI: eos_token, length, stop_sequence. Mistral: model_length. Cohere:
COMPLETE, MAX_TOKENS, ERROR_TOXIC. Zhipu: sensitive. Bedrock: guardrail_intervened, content_filtered.
"""

OVER_WINDOW = frozenset(
    {"model_context_window_exceeded", "context_length_exceeded", "context_length", "context_window_exceeded"}
)
"""The reasons that mean that the prompt alone is too long where the model said nothing."""

FAILURES = re.compile(
    r"(\w+_)?errors?(_\w+)?|failed|failure|network_\w+|abort(ed|ion)?|cancell?ed|timeout|timed_out|disconnect(ed)?"
    r"|insufficient_system_resource|malformed_(function|tool)_calls?|malformed_response|unexpected_tool_calls?"
    r"|too_many_tool_calls|overloaded|internal|server_overloaded|engine_error|unavailable|model_error|missing_thought_\w+"
)
"""Normalized reasons that mean that the answer failed, unless they are among :data:`REASONS`.

DeepSeek: insufficient_system_resource. Zhipu: network_error, model_error. SGLang: abort. OpenRouter and Mistral:
error. Gemini: MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL."""

NONE = frozenset({"", "null", "none", "not_complete", "in_progress", "running"})
"""Texts that say that there is no reason yet."""

_SEPARATORS = re.compile(r"[\s.-]+")
_PREFIX = re.compile(r"^(finish_?reason|stop_?reason|finishreason)_")


def normalized(reason: str) -> str:
    """Return a reason in lower case, with underscores, without the name of an enumeration in front of it.

    Of ``function_call_filter: MALFORMED_FUNCTION_CALL``, as Gemini writes it, the second part is the reason.
    """
    last = reason.rpartition(":")[2].strip() or reason
    return _PREFIX.sub("", _SEPARATORS.sub("_", last.strip().lower()))


def read_reason(reason: str) -> FinishReason:
    """Return what a normalized reason means.

    Raises :class:`~agentos.errors.ProviderUnavailable` or :class:`~agentos.errors.ProviderError` for one that means
    that the answer failed.
    """
    if reason in REASONS or not FAILURES.fullmatch(reason):
        return REASONS.get(reason, "other")
    if "call" in reason:
        # A matter of chance: the same request often succeeds.
        message = f"the model wrote a tool call that its server could not read (finish reason {reason})"
        raise ProviderError(message, details={"retryable": True})
    raise ProviderUnavailable(f"the model server failed in the middle of its answer (finish reason {reason})")
