"""What is installed."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import (
    Choice,
    Object,
    RequestSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
    StringList,
    id_field,
)
from agentos.api.kit.schemas.structure import NestedList, ResponseSchema, Seconds

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
    approval = Choice(
        "Whether the tool itself wants its calls approved; an agent or a plugin may want it too.",
        ("never", "sometimes", "always"),
    )
    isolated = StrictBoolean("Whether it is called in a process of its own.")
    timeout = Seconds("How long one call may take; null: as long as `AGENTOS_TOOL_TIMEOUT`.", nullable=True)


class ToolListSchema(ResponseSchema):
    """All installed tools, by name."""

    tools = NestedList(ToolSchema)
    count = StrictInteger("How many there are.")


class ToolCallSchema(RequestSchema):
    """A call of a tool."""

    arguments = Object("Its arguments, as its `parameters` describe them; absent: none.")
    agent_id = id_field(
        "Call it as this agent does: the tool is one of its own, and its `approve` counts. Needs a credential that may"
        " run it. Absent: no agent's; the tool and the plugins that decide are shown an empty id."
    )
    session_id = id_field("The session that the tool is shown. A decision that is remembered for it counts.")
    user_id = id_field("The user that the tool is shown; absent: that of the session.")


class ToolCallResultSchema(ResponseSchema):
    """How a call of a tool ended."""

    call_id = StrictString("The call's id, which the server's log has too.")
    status = Choice("Whether the tool returned.", ("completed", "failed"))
    result = StrictString("What the tool returned, as a model would read it.", optional=True)
    error = StrictString("Why it failed, as a model would read it.", optional=True)
    duration = Seconds("How long it took.")


class PluginSchema(ResponseSchema):
    """A plugin, and what became of it."""

    name = StrictString("Its name.", example="calculator")
    distribution = StrictString("The installed package that it is in.", nullable=True)
    version = StrictString("That package's version.", nullable=True)
    status = Choice("Whether it is in use.", ("loaded", "failed", "left out"))
    provides = StringList("What it registered, as `tool:calculator`.")
    error = StrictString(
        "What is wrong with it, or with a part of it. Only for those who may read the settings.",
        nullable=True,
        optional=True,
    )


class PluginListSchema(ResponseSchema):
    """All plugins, by name."""

    plugins = NestedList(PluginSchema)
    count = StrictInteger("How many there are.")
