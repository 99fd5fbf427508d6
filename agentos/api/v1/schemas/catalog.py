"""What is installed."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import Choice, Object, Text, Texts, Whole
from agentos.api.kit.schemas.structure import AnswerSchema, Parts

SOURCE = "The plugin that it came from."


class ModelSchema(AnswerSchema):
    """A model that an agent may name."""

    id = Text("What an agent's `model` names it by.", example="openai:gpt-5-mini")
    source = Text(SOURCE)


class ModelListSchema(AnswerSchema):
    """Models worth showing; a provider may serve more."""

    models = Parts(ModelSchema)
    count = Whole("How many there are.")


class ToolSchema(AnswerSchema):
    """A tool that an agent may name."""

    name = Text("What an agent's `tools` names it by.", example="calculator")
    description = Text("What the model is told about it.")
    parameters = Object("The JSON schema of its arguments.")
    source = Text(SOURCE)


class ToolListSchema(AnswerSchema):
    """All installed tools, by name."""

    tools = Parts(ToolSchema)
    count = Whole("How many there are.")


class PluginSchema(AnswerSchema):
    """A plugin, and what became of it."""

    name = Text("Its name.", example="calculator")
    distribution = Text("The installed package that it is in.", nullable=True)
    version = Text("That package's version.", nullable=True)
    status = Choice("Whether it is in use.", ("loaded", "failed", "left out"))
    provides = Texts("What it registered, as `tool:calculator`.")


class PluginListSchema(AnswerSchema):
    """All plugins, by name."""

    plugins = Parts(PluginSchema)
    count = Whole("How many there are.")
