"""The overrides of a run as a request's body has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.domain.stored_request import NO_OVERRIDES, ModelOverrides
from agentos.domain.tool_spec import ToolSpec

NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def read_overrides(body: Mapping[str, Any] | None) -> ModelOverrides:
    """Return the overrides of a body that the schema has accepted; whether the agent allows them is asked later."""
    if not body:
        return NO_OVERRIDES
    return ModelOverrides(
        parameters=body.get("parameters", {}),
        output_schema=body.get("output_schema"),
        client_tools=tuple(
            ToolSpec(one["name"], one["description"], one.get("parameters", NO_PARAMETERS))
            for one in body.get("client_tools", ())
        ),
        instructions=body.get("instructions"),
    )
