"""All data of one owner: deleted at once."""

from __future__ import annotations

from typing import Any

from flask import Response

from agentos.api.kit.auditing import note_audit
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.queries import OwnerDataQuery
from agentos.api.v1.schemas.sessions import DeletedDataSchema

routes = Routes("data", "All that the server keeps for one owner.")


@routes.delete(
    "/api/v1/data",
    access="admin",
    audit="data.delete",
    query=OwnerDataQuery,
    responses={200: ResponseSpec("How much was deleted.", DeletedDataSchema)},
)
def delete_data(query: dict[str, Any]) -> Response:
    """Delete all data of an owner.

    Its sessions, runs, attachments, aliases and records go, with all that is in them; runs under way are cancelled
    first. With `user_id`, only the sessions of that user and the runs of that user. API keys stay. The request may be
    repeated.
    """
    note_audit(query["owner"], **({"user_id": query["user_id"]} if "user_id" in query else {}))
    deleted = services().owner_data.delete(query["owner"], user_id=query.get("user_id"))
    counts = {
        "sessions": deleted.sessions,
        "runs": deleted.runs,
        "attachments": deleted.attachments,
        "aliases": deleted.aliases,
        "records": deleted.records,
    }
    note_audit(**counts)
    return json_response(counts)
