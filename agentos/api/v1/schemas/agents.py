"""Agents: their definition, and how they are shown."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, pre_load

from agentos.api.kit.schemas.fields import (
    Choice,
    Object,
    RequestSchema,
    StrictBoolean,
    StrictInteger,
    StrictString,
    StringList,
    metadata_field,
)
from agentos.api.kit.schemas.structure import NestedList, ResponseSchema, Time
from agentos.domain.agent import MOST_OUTPUT_RETRIES
from agentos.domain.guest_document import is_guest_document
from agentos.domain.ids import AGENT_ID
from agentos.domain.overrides import MOST_NAMES
from agentos.domain.run import BusyPolicy
from agentos.services.agent_documents import GUEST_REFUSED
from agentos.services.size_limits import MAX_COMMENT, MAX_DESCRIPTION, MAX_NAME, MAX_TOOLS

ID_PATTERN = f"^{AGENT_ID.pattern}$"
ID_WORDS = "1 to 128 letters, digits, '.', '_' and '-', the first a letter or digit"


class AgentChangesSchema(RequestSchema):
    """A definition that replaces the whole of the one before."""

    id = StrictString("The id in the address; nothing else is accepted.", pattern=ID_PATTERN, words=ID_WORDS)
    model = StrictString(
        "The model, as `provider:name`.",
        pattern=r"^[^:\s]+:\S",
        most=MAX_NAME,
        words="a text 'provider:name' of at most 255 characters, as 'openai:gpt-5-mini'",
        required=True,
        example="openai:gpt-5-mini",
    )
    name = StrictString("A name for people; the id if it is empty.", most=MAX_NAME)
    description = StrictString("What it is good for.", most=MAX_DESCRIPTION)
    instructions = StrictString(
        "What the model is told before the conversation. At most `AGENTOS_MAX_INPUT_SIZE` in UTF-8 (1 MiB by default)."
    )
    tools = StringList(
        "Names of installed tools that it may call; `source/tool` or `source/*` for those of a tool source.",
        most=MAX_TOOLS,
        each=MAX_TOOLS,
    )
    approve = StringList(
        "Tools of `tools` that are called only after a person approved the call; the run pauses until then.",
        most=MAX_TOOLS,
        each=MAX_TOOLS,
    )
    parameters = metadata_field(
        "Fields of the model's request, such as `temperature`. Addresses, keys and headers of a provider are given in"
        " the server's settings, never here: names such as `base_url`, `api_key`, `Authorization` and `extra_headers`"
        " are refused at any depth. `model`, `messages` and `stream` are set by the server."
    )
    output_schema = metadata_field(
        "The JSON schema that its answers follow (2020-12, 2019-09, draft 7 or draft 6). A `$ref` leads into the schema"
        " itself only, and patterns are without lookaround and references to groups.",
        nullable=True,
    )
    output_retries = StrictInteger(
        "How often an answer that does not follow `output_schema` is asked for again. With 0 it streams at once, and"
        " fails the run. With more it is streamed once it is valid.",
        most=MOST_OUTPUT_RETRIES,
    )
    history_turns = StrictInteger("Turns of its session that the model is given.", most=10_000, nullable=True)
    max_turns = StrictInteger("Model calls that one run may make.", least=1, most=1000, nullable=True)
    max_steps = StrictInteger("Another name of `max_turns`.", least=1, most=1000, nullable=True)
    concurrency = Choice(
        "What happens to a run while another one of its session is under way, unless the request says; `enqueue` if it"
        " is absent.",
        BusyPolicy,
    )
    allow_overrides = StringList(
        "What a run may do differently (`overrides`): names of fields of the model's request, `output_schema`,"
        " `client_tools`, `instructions`. Absent: `temperature`, `top_p`, `stop`, `seed`, output limits,"
        " `output_schema` and `client_tools`. `[]`: nothing.",
        most=MOST_NAMES,
        each=64,
    )
    retry_on_crash = StrictBoolean(
        "Let another worker go on with a run when its worker is lost: after its last finished step. The tools of the"
        " step that was under way may then act twice."
    )
    metadata = metadata_field("The client's own values, kept with it.")
    comment = StrictString(
        "What the change is for. Kept with the version that it makes; no part of the definition.", most=MAX_COMMENT
    )

    @pre_load
    def refuse_guests(self, values: Any, **_: Any) -> Any:
        """Say why a guest cannot be stored over HTTP, which is more than that its field is unknown."""
        if isinstance(values, dict) and is_guest_document(values):
            raise ValidationError({"guest": [GUEST_REFUSED]})
        return values


class AgentDefinitionSchema(AgentChangesSchema):
    """An agent to register."""

    id = StrictString("Its id.", pattern=ID_PATTERN, words=ID_WORDS, required=True, example="geographer")


class AgentSchema(ResponseSchema):
    """An agent that is there."""

    id = StrictString("Its id.")
    name = StrictString("A name for people.")
    description = StrictString("What it is good for.")
    model = StrictString(
        "The model, as `provider:name`; null for agents of other frameworks that do not say.", nullable=True
    )
    tools = StringList("Names of its tools.")
    source = StrictString("The plugin that brought it, `code`, or `stored`: registered by HTTP or CLI.", example="core")


class AgentDetailSchema(AgentSchema):
    """An agent that is there, with its whole definition if it is a stored one."""

    definition = Object("The definition as it was registered; of stored agents alone.", optional=True)
    version = StrictInteger(
        "Which version of it this is; counts up with each change. Of stored agents alone.", least=1, optional=True
    )
    created_at = Time("When it was registered; of stored agents alone.", optional=True)
    updated_at = Time("When it was last replaced; of stored agents alone.", optional=True)


class AgentListSchema(ResponseSchema):
    """Agents, by id."""

    agents = NestedList(AgentSchema)
    count = StrictInteger("How many are in this answer.")
    next_cursor = StrictString("Where the next part begins; absent when there is no more.", optional=True)
