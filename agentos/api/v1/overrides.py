"""The overrides of a run as a request's body has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.api.kit.schemas.fields import shown
from agentos.domain.stored_request import NO_OVERRIDES, ModelOverrides
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import InvalidRequest


def read_overrides(body: Mapping[str, Any] | None) -> ModelOverrides:
    """Return the overrides of a body that the schema has accepted; whether the agent allows them is asked later."""
    if not body:
        return NO_OVERRIDES
    return ModelOverrides(
        parameters=body.get("parameters", {}),
        output_schema=body.get("output_schema"),
        client_tools=_client_tools(body.get("client_tools", [])),
        instructions=body.get("instructions"),
    )


def _client_tools(value: Any) -> tuple[ToolSpec, ...]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        words = f"is {shown(value)}; accepted is a list of tools"
        path = "overrides.client_tools"
        raise InvalidRequest(f"field {path!r} {words}", details={"fields": {path: words}})
    # No client tool is accepted yet: the check of the agent refuses the list, so their fields are not read.
    return tuple(ToolSpec(str(one.get("name", "")), "", {}) for one in value)
