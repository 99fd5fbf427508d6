"""What every server of the test kit has in common: settings that no machine decides, and a script for the models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentos.config import Config
from agentos.domain.agent import Agent, AnyAgent
from agentos.hookspecs import hookimpl
from agentos.models.scripted import ScriptedProvider, Step
from agentos.registrations import RegisterModelProvider

Turns = ScriptedProvider | Sequence[str | Sequence[Step]]
"""What the models say: one item a call, or a provider that a test has made."""


def config_of(installed: Iterable[str], settings: Mapping[str, Any]) -> Config:
    """Return settings: a database in memory, no assistant, no environment, and of installed plugins only these.

    A plugin that is broken stops the start.
    """
    defaults = {"database_url": "memory://", "assistant": False, "plugins_strict": True, "environ": {}}
    return Config(**{**defaults, "plugins": tuple(installed), **settings})


class ModelScript:
    """A plugin that puts one scripted provider in the place of those that agents name.

    ``in_place_of`` are further prefixes, as ``openai``. Without ``turns`` it replaces none. ``scripted:`` models are
    always the server's own.
    """

    def __init__(self, turns: Turns | None, agents: Iterable[AnyAgent | str], in_place_of: Iterable[str] = ()) -> None:
        self.provider = turns if isinstance(turns, ScriptedProvider) else ScriptedProvider(turns or ())
        named = {agent.model.partition(":")[0] for agent in agents if isinstance(agent, Agent)}
        self._prefixes = sorted(({*named, *in_place_of} - {"scripted"}) if turns is not None else ())

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        """Register the provider under each prefix."""
        for prefix in self._prefixes:
            register(prefix, lambda _config: self.provider)
