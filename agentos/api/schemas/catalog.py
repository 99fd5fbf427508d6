"""What is installed, and how the server is."""

from __future__ import annotations

from agentos.api.schemas.fields import Choice, Flag, Object, Text, Texts, Whole
from agentos.api.schemas.structure import AnswerSchema, Parts

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


class IndexSchema(AnswerSchema):
    """The server, and where its documentation and API are."""

    service = Choice("Always the same.", ("agentos",))
    version = Text("The server's version.")
    paths = Object("Paths by name: `docs`, `openapi`, `health`, `ready`, `agents`.")


class HealthSchema(AnswerSchema):
    """The process is alive."""

    status = Choice("Always the same.", ("healthy",))
    service = Choice("Always the same.", ("agentos",))
    time = Whole("Seconds since 1970.", example=1704067200)
    version = Text("The server's version.")


class CheckSchema(AnswerSchema):
    """The outcome of one check."""

    name = Text("What was checked.", example="storage")
    ok = Flag("Whether it is well.")
    detail = Text("The outcome, in a line.")


class ReadySchema(AnswerSchema):
    """Whether the server can do its work now."""

    status = Choice("`ready` when all checks are well.", ("ready", "not_ready"))
    checks = Parts(CheckSchema)
