"""What is installed."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import Choice, Object, StrictInteger, StrictString, StringList
from agentos.api.kit.schemas.structure import NestedList, ResponseSchema

SOURCE = "The plugin that it came from."


class ModelSchema(ResponseSchema):
    """A model that an agent may name."""

    id = StrictString("What an agent's `model` names it by.", example="openai:gpt-5-mini")
    source = StrictString(SOURCE)


class ModelListSchema(ResponseSchema):
    """Models worth showing; a provider may serve more."""

    models = NestedList(ModelSchema)
    count = StrictInteger("How many there are.")


class ToolSchema(ResponseSchema):
    """A tool that an agent may name."""

    name = StrictString("What an agent's `tools` names it by.", example="calculator")
    description = StrictString("What the model is told about it.")
    parameters = Object("The JSON schema of its arguments.")
    source = StrictString(SOURCE)


class ToolListSchema(ResponseSchema):
    """All installed tools, by name."""

    tools = NestedList(ToolSchema)
    count = StrictInteger("How many there are.")


class PluginSchema(ResponseSchema):
    """A plugin, and what became of it."""

    name = StrictString("Its name.", example="calculator")
    distribution = StrictString("The installed package that it is in.", nullable=True)
    version = StrictString("That package's version.", nullable=True)
    status = Choice("Whether it is in use.", ("loaded", "failed", "left out"))
    provides = StringList("What it registered, as `tool:calculator`.")


class PluginListSchema(ResponseSchema):
    """All plugins, by name."""

    plugins = NestedList(PluginSchema)
    count = StrictInteger("How many there are.")
