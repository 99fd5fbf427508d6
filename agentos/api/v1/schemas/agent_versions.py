"""Versions of agents: how they are shown and compared, and what going back to one takes."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import Choice, Object, RequestSchema, StrictInteger, StrictString
from agentos.api.kit.schemas.structure import NestedList, Raw, ResponseSchema, Time
from agentos.api.v1.schemas.queries import MAX_NUMBER
from agentos.services.size_limits import MAX_COMMENT


class RollbackSchema(RequestSchema):
    """Which version to go back to."""

    version = StrictInteger("Its number.", least=1, most=MAX_NUMBER, required=True, example=1)
    comment = StrictString("What the change is for; absent: `rollback to version N`.", most=MAX_COMMENT)


class AgentVersionSchema(ResponseSchema):
    """A version of an agent."""

    agent_id = StrictString("The agent's id.")
    version = StrictInteger("Its number: 1, 2, 3 … It is never given again.", least=1)
    author = StrictString(
        "The credential that stored it (`key:4f…`), or `operator`: the command line. Null where it is not known.",
        nullable=True,
    )
    comment = StrictString("What the change was for.", nullable=True)
    created_at = Time("When it was stored.")


class AgentVersionDetailSchema(AgentVersionSchema):
    """A version of an agent with its definition."""

    definition = Object("The definition as it was stored.")


class AgentVersionListSchema(ResponseSchema):
    """Versions of an agent, newest first."""

    versions = NestedList(AgentVersionSchema)
    count = StrictInteger("How many are in this answer.")
    next_cursor = StrictString("Where the next part begins; absent when there is no more.", optional=True)


class DefinitionChangeSchema(ResponseSchema):
    """An operation of a JSON Patch, with the value that was there."""

    op = Choice("What was done.", ("add", "remove", "replace"))
    path = StrictString("Where, as a JSON pointer (RFC 6901).", example="/instructions")
    value = Raw("What is there now; absent after `remove`.", optional=True)
    old = Raw("What was there; absent before `add`.", optional=True)


class AgentVersionDiffSchema(ResponseSchema):
    """In what two versions of an agent differ."""

    agent_id = StrictString("The agent's id.")
    from_version = StrictInteger("The version that the changes begin with.", least=1)
    to_version = StrictInteger("The version that they lead to.", least=1)
    changes = NestedList(DefinitionChangeSchema)
