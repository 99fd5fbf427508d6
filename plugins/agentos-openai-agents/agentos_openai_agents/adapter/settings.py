"""With what a run of the SDK is started: the agent with the run's overrides, and options of the agent's author."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from agentos_guest import Overrides, Run
from agents import Agent, AgentOutputSchemaBase, ModelBehaviorError, ModelSettings, MultiProvider, RunConfig
from agents.run_config import DEFAULT_MAX_TURNS
from openai.types.shared import Reasoning

OTHER_NAMES = {"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens"}
"""Parameters that the SDK's ``ModelSettings`` name in another way."""

SETTINGS = frozenset(field.name for field in fields(ModelSettings))


@dataclass(frozen=True)
class Options:
    """What ``Runner.run_streamed`` is given. The SDK adds the ids of calls that failed to ``failed_calls``."""

    agent: Any
    context: Any
    max_turns: int | None
    hooks: Any
    run_config: Any
    error_handlers: Any
    failed_calls: set[str]


def agent_of(target: Any) -> Any:
    """Return the agent that is the target, or in its attribute ``agent``; ``None`` where there is none."""
    return target if isinstance(target, Agent) else getattr(target, "agent", None)


def options_of(target: Any, run: Run, models: MultiProvider) -> Options:
    """Return the options of a run.

    A target that is no agent itself may have ``context(run)``, which returns the context of tools, ``max_turns``,
    ``hooks``, ``run_config`` and ``error_handlers``. Without a context of its own, tools have the ``Run``.
    """
    given = object() if isinstance(target, Agent) else target
    make_context = getattr(given, "context", None)
    failed_calls: set[str] = set()
    config = getattr(given, "run_config", None) or RunConfig(model_provider=models)
    if isinstance(config, Mapping):
        config = RunConfig(**{"model_provider": models, **config})
    return Options(
        agent=_overridden(agent_of(target), run.overrides),
        context=run if make_context is None else make_context(run),
        max_turns=getattr(given, "max_turns", DEFAULT_MAX_TURNS),
        hooks=getattr(given, "hooks", None),
        run_config=_configured(config, run.overrides, failed_calls),
        error_handlers=getattr(given, "error_handlers", None),
        failed_calls=failed_calls,
    )


def _overridden(agent: Any, overrides: Overrides) -> Any:
    """Return the agent with the instructions and the schema of this run; those that it hands over to keep theirs."""
    changes: dict[str, Any] = {}
    if overrides.instructions is not None:
        changes["instructions"] = overrides.instructions
    if overrides.output_schema is not None:
        changes["output_type"] = JSONOutput(overrides.output_schema)
    return agent.clone(**changes) if changes else agent


def _configured(config: Any, overrides: Overrides, failed_calls: set[str]) -> Any:
    formatter = config.tool_error_formatter

    def noting(error: Any) -> Any:
        failed_calls.add(error.call_id)
        return None if formatter is None else formatter(error)

    changes: dict[str, Any] = {"tool_error_formatter": noting}
    if overrides.parameters:
        settings = config.model_settings or ModelSettings()
        changes["model_settings"] = settings.resolve(model_settings(overrides.parameters))
    return replace(config, **changes)


def model_settings(parameters: Mapping[str, Any]) -> Any:
    """Return parameters of a request as settings of the SDK; those it does not know go to the model as they are."""
    known: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in parameters.items():
        name = OTHER_NAMES.get(name, name)
        if name == "reasoning_effort":
            known["reasoning"] = Reasoning(effort=value)
        elif name in SETTINGS:
            known[name] = value
        else:
            others[name] = value
    return ModelSettings(**known, extra_args=others or None)


class JSONOutput(AgentOutputSchemaBase):  # type: ignore[misc]  # the SDK is not there where types are checked
    """An output that follows a JSON schema. The server checks it against the schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = dict(schema)

    def is_plain_text(self) -> bool:
        """Return that it is JSON."""
        return False

    def name(self) -> str:
        """Return what the model reads of it."""
        return "output"

    def json_schema(self) -> dict[str, Any]:
        """Return the schema."""
        return self._schema

    def is_strict_json_schema(self) -> bool:
        """Return that the schema may use all of JSON Schema, which the strict mode of the API does not."""
        return False

    def validate_json(self, json_str: str) -> Any:
        """Return the value of what the model said."""
        try:
            return json.loads(json_str)
        except ValueError as error:
            raise ModelBehaviorError("the output is no JSON") from error
