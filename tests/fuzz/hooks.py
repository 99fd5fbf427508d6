"""What Schemathesis is told about AgentOS beyond its OpenAPI document; the tool loads this file by itself.

The document describes every deployment. The one under test has certain models and tools, which is said here by
narrowing the document, so that what is accepted and what is refused both stay exact. What no document can say is in
``ACCEPTED``, each with its reason; nothing else is left out.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import schemathesis

from agentos.api.kit.cursors import EPOCH, encode_cursor
from agentos.storage.paging import Cursor
from agentos.testing.sse import SSEReader

HERE: dict[str, Any] = {
    "model": {"enum": ["scripted:echo", "scripted:slow-2x0.05"]},
    "tools": {"type": "array", "maxItems": 1, "items": {"enum": ["calculator"]}},
    "approve": {"type": "array", "maxItems": 1, "items": {"enum": ["calculator"]}},
    "allow_overrides": {"type": "array", "maxItems": 9, "items": {"enum": ["seed", "instructions", "output_schema"]}},
}
"""The fields of an agent's definition, as the deployment under test accepts them."""

OVERRIDES: dict[str, Any] = {
    "parameters": {
        "type": "object",
        "properties": {"seed": {"type": "integer"}, "temperature": {"type": "number", "minimum": 0}},
        "additionalProperties": False,
    },
    "output_schema": {"type": "object", "maxProperties": 0},
    "client_tools": {"type": "array", "maxItems": 1, "items": {"enum": [{"name": "open_page"}]}},
}
"""The overrides that an agent may allow: what each takes is a matter of the model."""

NEW_KEY: dict[str, Any] = {
    "scopes": {
        "type": "array",
        "minItems": 1,
        "maxItems": 100,
        "items": {"enum": ["runs:read", "agents:run", "admin"]},
    },
}
"""The scopes that this deployment knows, or some of them: plugins declare others."""

TOOL_CALL: dict[str, Any] = {
    "arguments": {
        "type": "object",
        "properties": {"expression": {"enum": ["6 * 7"]}},
        "required": ["expression"],
        "additionalProperties": False,
    },
    "agent_id": {"enum": ["assistant"]},
}
"""What the tool that is called takes, or a part of it."""

ACCEPTED = (
    # operation, failure, code, what the message says: and why no document can say it
    # Relations between parameters, which OpenAPI has no word for.
    ("list_.*", "RejectedPositiveData", "INVALID_REQUEST", "'cursor' and 'offset' were both given"),
    ("follow_run", "RejectedPositiveData", "INVALID_REQUEST", "accepted is one of them, or a Last-Event-ID that"),
    ("(run|stream)_agent", "RejectedPositiveData", "INVALID_REQUEST", "is true and a stream was asked for"),
    ("run_agent", "RejectedPositiveData", "INVALID_REQUEST", "no client waits for a background run"),
    ("replace_agent", "RejectedPositiveData", "INVALID_REQUEST", "but the address names"),
    ("(register|replace)_agent", "RejectedPositiveData", "INVALID_REQUEST", "is another name of"),
    ("(register|replace)_agent", "RejectedPositiveData", "INVALID_REQUEST", "none of its tools"),
    ("resume_run", "RejectedPositiveData", "INVALID_REQUEST", "which has an answer before"),
    # Relations to what is there: another request with that key, a session in which nothing was said.
    (".*", "RejectedPositiveData", "IDEMPOTENCY_MISMATCH", "was used with another request"),
    ("update_session", "AcceptedNegativeData", "PRECONDITION_FAILED", "If-Match names none"),
    ("(replace|rollback)_agent", "AcceptedNegativeData", "PRECONDITION_FAILED", "If-Match names none"),
    ("make_session_summary", "RejectedPositiveData", "INVALID_REQUEST", "the session has no messages yet"),
    ("get_session_summary", "EnsureResourceAvailability", "SUMMARY_NOT_FOUND", "has no summary yet"),
    # What is a word is a matter of Unicode; and this deployment may have no index.
    ("list_sessions", "RejectedPositiveData", "INVALID_REQUEST", "query parameter 'q_text'"),
    # A JSON schema cannot forbid a character or a number at any depth, nor 1.0 where it allows 1.
    (".*", "RejectedPositiveData", "INVALID_REQUEST", "holds the character U+0000, which is not accepted"),
    (".*", "RejectedPositiveData", "INVALID_REQUEST", "too large; accepted are integers of 64 bits"),
    (".*", "RejectedPositiveData", "INVALID_REQUEST", ".0; accepted is a whole number"),
    # Nor can it forbid names at any depth, whatever their spelling.
    ("(register|replace)_agent", "RejectedPositiveData", "INVALID_REQUEST", "field 'parameters' has the name"),
    ("(register|replace)_agent", "RejectedPositiveData", "INVALID_REQUEST", "parameter 'extra_body' of agent"),
    # What a run may override, its agent says.
    ("(run|stream)_agent", "RejectedPositiveData", "INVALID_REQUEST", "is not allowed by agent"),
    # What is a time to come, no document can say; nor which names are in use.
    ("create_key", "RejectedPositiveData", "INVALID_REQUEST", "is over; give one that is to come"),
    ("create_key", "RejectedPositiveData", "INVALID_REQUEST", "Give 'owner': "),
    # What arguments a tool takes, its own schema says; some can do without.
    ("call_tool", "RejectedPositiveData", "INVALID_REQUEST", "arguments of tool 'calculator' are not accepted"),
    # Which attachments are taken is a matter of the model, of hosts, and of what the bytes are.
    ("(run|stream)_agent", "RejectedPositiveData", "INVALID_MEDIA", ""),
    # Who calls is asked before what: a stranger who uses a wrong method is told nothing of methods.
    ("get_(health|readiness|index|openapi|docs|docs_asset)", "UnsupportedMethodResponse", "UNAUTHENTICATED", ""),
    # What JSON Schema a text is, no JSON schema can say; and the scripted models follow none.
    ("(register|replace)_agent", "RejectedPositiveData", "INVALID_REQUEST", "is no JSON schema that is accepted"),
    ("run_agent", "ServerError", "EXECUTION_ERROR", "does not follow the output_schema"),
    # The scripted models say nothing to a text of spaces.
    ("make_session_summary", "ServerError", "EXECUTION_ERROR", "the model gave no summary"),
)
"""Answers to requests that the document allows which are right nevertheless."""


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Narrow the document to what this deployment has, and forbid fields that it does not name."""
    for schema in raw_schema["components"]["schemas"].values():
        if "model" in schema["properties"] and schema.get("additionalProperties") is False:
            schema["properties"] |= HERE
        schema.setdefault("additionalProperties", False)
    raw_schema["components"]["schemas"]["Overrides"]["properties"] |= OVERRIDES
    raw_schema["components"]["schemas"]["NewKey"]["properties"] |= NEW_KEY
    raw_schema["components"]["schemas"]["ToolCall"]["properties"] |= TOOL_CALL
    paths = raw_schema["paths"]
    # Texts that only an answer can give: one that is right, since made-up ones would be refused every time.
    _narrow(paths["/api/v1/agents"]["get"], "cursor", encode_cursor("agent", Cursor(EPOCH, "1")))
    _narrow(paths["/api/v1/sessions"]["get"], "cursor", encode_cursor("session", Cursor(EPOCH, "1")))
    _narrow(paths["/api/v1/runs"]["get"], "cursor", encode_cursor("run", Cursor(EPOCH, "1")))
    _narrow(paths["/api/v1/approvals"]["get"], "cursor", encode_cursor("approval", Cursor(EPOCH, "1")))
    versions = encode_cursor("version", Cursor(EPOCH, "1"))
    _narrow(paths["/api/v1/agents/{agent_id}/versions"]["get"], "cursor", versions)
    _narrow(paths["/api/v1/approvals/rules"]["get"], "cursor", encode_cursor("rule", Cursor(EPOCH, "1")))
    _narrow(paths["/api/v1/keys"]["get"], "cursor", encode_cursor("key", Cursor(EPOCH, "1")))
    _narrow(paths["/api/v1/sessions/{session_id}"]["put"], "If-Match", "*")
    _narrow(paths["/api/v1/agents/{agent_id}"]["put"], "If-Match", "*")
    _narrow(paths["/api/v1/agents/{agent_id}/rollback"]["post"], "If-Match", "*")


def _narrow(operation: dict[str, Any], name: str, value: str) -> None:
    (parameter,) = [one for one in operation["parameters"] if one["name"] == name]
    parameter["schema"] = {"enum": [value]}


@schemathesis.hook
def filter_failure(context: schemathesis.HookContext, failure: Any, case: Any, response: Any) -> bool:
    """Drop what is in ``ACCEPTED``; keep every other failure."""
    if not response.headers.get("content-type", [""])[0].startswith("application/json"):
        return True
    answer = response.json()
    operation = case.operation.definition.raw["operationId"]
    return not any(
        re.fullmatch(pattern, operation)
        and kind == type(failure).__name__
        and code == answer.get("code")
        and words in answer["message"]
        for pattern, kind, code, words in ACCEPTED
    )


@schemathesis.check
def events_are_as_described(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Hold each event's JSON against the schema of its type; Schemathesis itself does not look into texts."""
    if not response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        return
    schemas = case.operation.schema.raw_schema["components"]["schemas"]
    reader = SSEReader()
    for event in reader.feed(response.content):
        envelope = event.json()
        name = "".join(word.capitalize() for word in envelope["type"].split("_")) + "Data"
        for value, of in ((envelope, "RunEvent"), (envelope["data"], name)):
            schema = {"$ref": f"#/components/schemas/{of}", "components": {"schemas": schemas}}
            wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
            assert wrong is None, f"event {event.id}: {wrong.message}"
