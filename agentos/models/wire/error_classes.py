"""The class of a server's error, by its status, its codes and its words."""

from __future__ import annotations

import re

from agentos.errors import (
    ContentFiltered,
    ContextTooLong,
    ExecutionError,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
)
from agentos.models.wire.server_errors import ServerError

UNAVAILABLE = frozenset({408, 409, 425, 498, 499})
"""Statuses below 500 that mean "not now". 498 is Groq's for a lack of capacity, 499 Google's for a cancelled call."""
TOO_LONG_STATUSES = frozenset({400, 413, 422, 429, 500, None})

# --- used-up quota ---------------------------------------------------------------------------------------------------
# OpenAI: insufficient_quota, billing_*; Moonshot: exceeded_current_quota_error; DashScope: Arrearage; Zhipu: 1113;
# MiniMax: 1008; DeepSeek and OpenRouter: status 402.
QUOTA_CODES = re.compile(
    r"insufficient_(quota|balance|credits?|funds)|billing_\w+|exceeded_current_quota_error|arrearage|1113|1008|402"
    r"|payment_required|credits?_(exhausted|depleted|limit\w*)|out_of_credits?|\w*spend(ing)?_limit\w*"
    r"|quota_(exhausted|exceeded_monthly)|credit_balance_too_low|monthly_\w*limit\w*"
)
QUOTA_WORDS = re.compile(
    r"insufficient (account )?(balance|credits?|funds|quota)|credit balance is too low"
    r"|(no|not enough|out of) credits?\b"
    r"|used all (of your )?(available )?credits|(monthly|hard) (spend(ing)?|usage|billing) limit|requires more credits"
    r"|monthly included credits|exceeded your current quota|billing (hard limit|is not active|not enabled)"
    r"|check your (plan and )?billing|account is (in arrears|overdue)|balance (is )?(insufficient|not enough)"
    r"|余额不足|欠费",
    re.I,
)

# --- refused prompts -------------------------------------------------------------------------------------------------
# Azure: content_filter, ResponsibleAIPolicyViolation; OpenAI: content_policy_violation; DashScope:
# data_inspection_failed, DataInspectionFailed; Zhipu: 1301; MiniMax: 1026, 1027.
FILTER_CODES = re.compile(
    r"content_?filter(ed|_error)?|content_policy_violation|responsibleaipolicyviolation|data_?inspection_?failed"
    r"|prompt_(blocked|rejected)|prohibited_content|moderation_(blocked|failed|error)|content_moderation\w*|1301|102[67]"
    r"|sensitive(_\w+)?|safety_(violation|error|blocked)|guardrail_intervened|input_flagged|image_safety"
)
FILTER_WORDS = re.compile(
    r"content management policy|content exists risk|content[ _]filter|input was flagged|flagged (by|for|as) .{0,40}"
    r"(moderation|safety|harm|unsafe|polic)|violat\w+ .{0,40}(usage|content) (polic|guideline)|considered high risk"
    r"|prompt (was )?(blocked|rejected)|blocked by .{0,40}(safety|polic|filter)|inappropriate content|敏感内容",
    re.I,
)

# --- too long --------------------------------------------------------------------------------------------------------
LONG_CODES = re.compile(
    r"context_length_exceeded|context_(window_)?exceeded|string_above_max_length|context_too_(long|large)"
    r"|exceed_context_size_error|model_context_window_exceeded|prompt_too_long|input_too_(long|large)"
    r"|contextwindowexceedederror|max_context_length_exceeded|request_too_large|context_overflow|1261"
)
LONG_WORDS = re.compile(
    r"maximum context length|max(imum)? (input|prompt) (length|tokens?)|prompt (is )?too long|context size"
    r"|(exceeds?|exceeded|(larger|longer|greater|more) than|beyond|over|outside)"
    r" .{0,60}(context (length|window|limit|size)"
    r"|max_(seq|model)_len|model token limit"
    r"|maximum (allowed )?(input|prompt|sequence|token|number of (input )?tokens))"
    r"|input (token count|length|tokens?|is too long)\b.{0,80}(exceed|too long|limit|maximum|<=)|input is too long"
    r"|`?inputs`? tokens \+ `?max_new_tokens`? must be|`?inputs`? must have less than"
    r"|request too large|reduce (the length of (the|your)|your message|the number of tokens in the input)"
    r"|too many (input|prompt) tokens|too large for model with|context (length|window|limit|overflow).{0,40}exceed"
    r"|exceeded? (the )?(model'?s? )?(max(imum)? )?context|conversation (is )?too long|tokens? > \d+ max"
    r"|context length of only|keep the first \d+ tokens when context|request entity too large|超长"
    r"|range of input length should be|max_(completion_)?tokens must be at least 1, got -|payload too large",
    re.I,
)
# An output limit that the model does not allow is the agent's mistake: a shorter conversation does not help.
OUTPUT_LIMIT_WORDS = re.compile(
    r"max_(completion_|output_|new_)?tokens\W{0,4}( or \W?max_completion_tokens\W?)?.{0,24}too (large|high|big)"
    r"|at most \d+ (completion|output) tokens|maximum allowed number of output tokens"
    r"|^\W?max_(completion_|output_|new_)?tokens\W{0,3} (must|should|cannot|can't)\b(?!.{0,30}got -)"
    r"|(invalid|range of|supported range).{0,30}max_(completion_|output_|new_)?tokens",
    re.I,
)
# Limits by the minute count tokens, too. Only a request that is larger than such a limit can never succeed.
THROTTLED_WORDS = re.compile(
    r"please wait|throttl|try again (in|later)|too many (tokens|requests)\b|rate[ -]limit"
    r"|per[ -](minute|min|second|day|hour)",
    re.I,
)
NEVER_FITS = re.compile(r"request too large|must be reduced|reduce (your|the) (message|prompt|input|length)", re.I)
SHORT_TEXTS = re.compile(r"tool_calls|\bname\b|\.id\b|metadata|\buser\b", re.I)
"""Texts other than the conversation, of which servers say with the same code that they are too long."""

# --- not now ---------------------------------------------------------------------------------------------------------
RATE_CODES = re.compile(
    r"rate[_ ]?limit\w*|too_?many_?requests\w*|throttl[\w.]*|resource_exhausted|requests|429|1302|1303"
    r"|(requests|tokens)_per_\w+|limit_(requests|tokens|burst_rate)|1002|concurrency_limit\w*"
)
RATE_WORDS = re.compile(r"rate[ -]limit|too many (requests|tokens)", re.I)
BUSY_CODES = re.compile(
    r"\w*overloaded\w*|\w*unavailable\w*|(internal_?)?(server_?)?error_?internal|internal(_\w+)?|internalservererror"
    r"|(api|server|system|internal|upstream|service)_error|\w*timeout(_error)?|timed_out|capacity_exceeded|no_capacity"
    r"|insufficient_system_resource|network_error|abort(ed)?|model_(is_)?loading|bad_gateway|deadline_exceeded"
    r"|upstream_\w+|engine_\w+|1305|1312|unavailable_error|stream_error|provider_error|error_finish"
)
BUSY_WORDS = re.compile(
    r"overloaded|(currently|temporarily) unavailable|service unavailable|no available capacity|model is loading"
    r"|loading model|internal (server )?error|upstream (error|request|connect|lost)|bad gateway|gateway time-?out",
    re.I,
)

KEY_WORDS = re.compile(
    r"api[- _]?key|access[- _]?(key|token)|authenticat|authoriz(ed|ation)|credential|bearer|invalid (token|key)"
    r"|access token|token (is )?(invalid|expired)",
    re.I,
)
KEY_CODES = re.compile(r"\w*api_?key\w*|authentication\w*|unauthenticated|unauthorized|invalid_?token\w*")


def class_of(error: ServerError, status: int | None) -> type[ExecutionError]:
    """Return the class of ours for a server's error; ``status`` is None in the middle of an answer."""
    below_500 = status is None or status < 500
    if status == 401:
        return ProviderError
    if status in TOO_LONG_STATUSES and _is_too_long(error):
        return ContextTooLong
    if status == 402 or _is_quota(error):
        return QuotaExhausted
    if below_500 and (_has(error, FILTER_CODES) or FILTER_WORDS.search(error.words)):
        return ContentFiltered
    if _has(error, BUSY_CODES) and (status is None or status in (429, 498) or status >= 500):
        return ProviderUnavailable
    if status == 429 or _has(error, RATE_CODES) or (below_500 and status != 403 and RATE_WORDS.search(error.words)):
        return ProviderRateLimited
    if status in UNAVAILABLE or (status is not None and status >= 500):
        return ProviderUnavailable
    if status is None and BUSY_WORDS.search(error.words):
        return ProviderUnavailable
    return ProviderError


def is_about_key(error: ServerError) -> bool:
    """Tell whether a refusal is about the credential, or says nothing else."""
    return not error.words or bool(KEY_WORDS.search(error.words)) or _has(error, KEY_CODES)


def _has(error: ServerError, pattern: re.Pattern[str]) -> bool:
    return any(pattern.fullmatch(code) for code in error.codes)


def _is_too_long(error: ServerError) -> bool:
    if OUTPUT_LIMIT_WORDS.search(error.words):
        return False
    if _has(error, LONG_CODES):
        return "string_above_max_length" not in error.codes or not SHORT_TEXTS.search(error.words)
    if THROTTLED_WORDS.search(error.words):
        return bool(NEVER_FITS.search(error.words))
    return bool(LONG_WORDS.search(error.words))


def _is_quota(error: ServerError) -> bool:
    if _has(error, QUOTA_CODES):
        return True
    # Gemini uses these words for limits by the minute, too, and says so with this code.
    return bool(QUOTA_WORDS.search(error.words)) and "resource_exhausted" not in error.codes
