"""An agent's parameters under the names of the Messages API, so that the same agent can have models of both wires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.errors import ProviderError
from agentos.models.anthropic_messages.limits import LEAST_THINKING, NAMES
from agentos.models.wire.options import mapping

SAMPLING = ("temperature", "top_p", "top_k")
CHOICES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}
EFFORTS = {"minimal": "low", **dict.fromkeys(("low", "medium", "high", "xhigh", "max"))}
NEVER = frozenset(
    {"seed", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "n", "stream_options"}
    | {"parallel_tool_calls", "reasoning_effort", "stop", "response_format", "store", "prompt_caching", "betas"}
    | set(NAMES)
)
"""What the API does not know, and what is sent in another form."""


def named(parameters: Mapping[str, Any], *, tools: bool) -> dict[str, Any]:
    """Return the fields of the body that are said by parameters, but for the limit and thinking.

    Raises :class:`~agentos.errors.ProviderError` for an ``output_config`` that is no object.
    """
    body = {name: value for name, value in parameters.items() if name not in NEVER and value is not None}
    stops = parameters.get("stop_sequences", parameters.get("stop"))
    # The API refuses sequences of white space.
    stops = [stops] if isinstance(stops, str) else stops if isinstance(stops, list | tuple) else []
    body.pop("stop_sequences", None)
    if kept := [stop for stop in stops if isinstance(stop, str) and stop.strip()]:
        body["stop_sequences"] = kept
    config = mapping(parameters, "output_config")
    effort = parameters.get("reasoning_effort")
    if isinstance(effort, str) and effort in EFFORTS:
        body["output_config"] = {"effort": EFFORTS[effort] or effort, **config}
    elif effort == "none":
        body.setdefault("thinking", {"type": "disabled"})
    choice = _tool_choice(body.pop("tool_choice", None), parameters.get("parallel_tool_calls"))
    if tools and choice:
        body["tool_choice"] = choice
    return body


def type_of(body: Mapping[str, Any], name: str) -> Any:
    """Return the type of a field that is an object; parameters may hold anything."""
    value = body.get(name)
    return value.get("type") if isinstance(value, Mapping) else None


def limit_of(parameters: Mapping[str, Any]) -> int | None:
    """Return the most tokens of an answer that the parameters allow, or None where they do not say.

    Raises :class:`~agentos.errors.ProviderError` for a limit that is no whole number.
    """
    limits = [whole_number(name, parameters[name]) for name in NAMES if parameters.get(name) is not None]
    return min(limits, default=None)


def whole_number(name: str, value: Any) -> int:
    """Return a parameter that is a whole number, also one that is written with a point."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProviderError(f"the agent's parameter {name!r} is {value!r:.60}; accepted: a whole number")
    return value


def fit_thinking(body: dict[str, Any], *, limited: bool, begun: bool) -> None:
    """Make thinking and what stands beside it agree, as the API wants it.

    ``limited`` says that the limit is not ours to raise; ``begun`` that the turn that continues began with thinking, or
    has not begun. What does not go beside thinking is left out, and where a call is forced, thinking itself.
    """
    thinking = body.get("thinking")
    if not isinstance(thinking, Mapping) or thinking.get("type") not in ("enabled", "adaptive"):
        return
    forced = type_of(body, "tool_choice") in ("any", "tool")
    budget = thinking.get("budget_tokens") if thinking["type"] == "enabled" else None
    if isinstance(budget, int):
        if not limited:
            body["max_tokens"] = max(body["max_tokens"], budget + LEAST_THINKING)
        elif body["max_tokens"] <= budget:
            body["thinking"] = {**thinking, "budget_tokens": max(LEAST_THINKING, body["max_tokens"] // 2)}
    too_short = budget is not None and body["max_tokens"] <= LEAST_THINKING
    if forced or too_short or (budget is not None and not begun):
        del body["thinking"]
        return
    if body.get("temperature") not in (None, 1):
        del body["temperature"]
    body.pop("top_k", None)
    if isinstance(top_p := body.get("top_p"), int | float) and top_p < 0.95:
        del body["top_p"]


def _tool_choice(choice: Any, parallel: Any) -> dict[str, Any]:
    if isinstance(choice, str):
        choice = {"type": CHOICES[choice]} if choice in CHOICES else {"type": "tool", "name": choice}
    elif isinstance(choice, Mapping) and isinstance(function := choice.get("function"), Mapping):
        choice = {"type": "tool", "name": function.get("name")}
    found = dict(choice) if isinstance(choice, Mapping) else {}
    if parallel is False and found.get("type") != "none":
        found = {"type": "auto", **found, "disable_parallel_tool_use": True}
    return found
