"""What a run may do differently from its agent: the names in ``allow_overrides``, and the values that they take."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from agentos.domain.agent_parameters import (
    EXTRAS,
    SET_BY_THE_SERVER,
    check_parameters_of_client,
    may_not_be_named_by_client,
)
from agentos.domain.stored_request import ModelOverrides
from agentos.errors import InvalidRequest

OUTPUT_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
"""The names that model servers have for the most tokens of an answer. An override only lowers an agent's limit."""

DEFAULT_OVERRIDES = ("temperature", "top_p", "stop", "seed", *OUTPUT_LIMITS, "output_schema", "client_tools")
"""What an agent allows that does not say."""

OTHERS = ("output_schema", "client_tools", "instructions")
"""The overrides that are no parameter of the model's request."""

MOST_NAMES = 64
MOST_STOPS = 16

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_NEVER = frozenset({*SET_BY_THE_SERVER, *EXTRAS, "dialect", "provider", "tools", "functions"})


def check_allowed_overrides(agent_id: str, names: Sequence[str]) -> None:
    """Raise ``InvalidRequest`` for an agent's ``allow_overrides`` that names what no run may override."""
    where = f"allow_overrides of agent {agent_id!r}"
    if isinstance(names, str | bytes) or not all(isinstance(name, str) for name in names):
        raise InvalidRequest(f"{where} is {names!r:.100}; accepted is a list of names, as in ['temperature']")
    if len(names) > MOST_NAMES:
        raise InvalidRequest(f"{where} has {len(names)} names; accepted are at most {MOST_NAMES}")
    for name in names:
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"{where} has {name!r:.100}; accepted are {', '.join(OTHERS)} and names of fields of the model's"
                " request"
            )
        if _is_never_overridden(name):
            raise InvalidRequest(
                f"{where} has {name!r}, which no run may override; accepted are {', '.join(OTHERS)} and other fields of"
                " the model's request"
            )


def check_overrides(agent_id: str, allowed: Sequence[str], overrides: ModelOverrides) -> None:
    """Raise ``InvalidRequest`` for an override that the agent does not allow, or for a value that cannot be right."""
    for name in overrides.names:
        never = name not in OTHERS and _is_never_overridden(name)
        if never or name not in allowed:
            accepted = ", ".join(one for one in allowed if one != name) or "none"
            _refuse(name, f"is not allowed by agent {agent_id!r}; it allows {accepted}")
    for name, value in overrides.parameters.items():
        kind = _KINDS.get(name)
        if kind is not None and not kind[0](value):
            _refuse(name, f"is {value!r:.100}; accepted is {kind[1]}")
    check_parameters_of_client(overrides.parameters, field="overrides.parameters")


def overridden_parameters(parameters: Mapping[str, Any], overrides: ModelOverrides) -> dict[str, Any]:
    """Return an agent's parameters as one run has them. An output limit becomes the least of both."""
    given = dict(overrides.parameters)
    changed = dict(parameters)
    if overrides.output_schema is not None:
        changed.pop("response_format", None)  # the agent's own would win over the schema of the run
    limits = [given.pop(name) for name in OUTPUT_LIMITS if name in given]
    changed |= given
    if limits:
        _lower_limit(changed, min(limits), next(name for name in overrides.parameters if name in OUTPUT_LIMITS))
    return changed


def _lower_limit(parameters: dict[str, Any], limit: int, name: str) -> None:
    """Lower the limit wherever the agent has one; servers refuse two names for it. Only else add it as ``name``."""
    extra = parameters.get("extra_body")
    places = [parameters]
    if isinstance(extra, Mapping):
        parameters["extra_body"] = extra = dict(extra)
        places.append(extra)
    found = [(place, one) for place in places for one in OUTPUT_LIMITS if place.get(one) is not None]
    for place, one in found:
        present = place[one]
        place[one] = min(present, limit) if isinstance(present, int | float) else limit
    if not found:
        parameters[name] = limit


def _is_never_overridden(name: str) -> bool:
    text = str(name)  # programs may give anything
    return text.lower() in _NEVER or may_not_be_named_by_client(text)


def _refuse(name: str, words: str) -> NoReturn:
    path = f"overrides.{name}" if name in OTHERS else f"overrides.parameters.{name:.100}"
    raise InvalidRequest(f"override {name!r:.100} {words}", details={"fields": {path: words}})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_stop(value: Any) -> bool:
    texts = [value] if isinstance(value, str) else value
    return (
        isinstance(texts, list | tuple)
        and 1 <= len(texts) <= MOST_STOPS
        and all(isinstance(text, str) and 1 <= len(text) <= 255 for text in texts)
    )


_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "temperature": (lambda value: _is_number(value) and value >= 0, "a number from 0"),
    "top_p": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "seed": (_is_whole, "a whole number"),
    "stop": (_is_stop, f"a text of 1 to 255 characters, or a list of 1 to {MOST_STOPS} of them"),
    **{name: (lambda value: _is_whole(value) and value >= 1, "a whole number from 1") for name in OUTPUT_LIMITS},
}
