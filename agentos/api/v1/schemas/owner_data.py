"""The data of one owner."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import RequestSchema, StrictInteger, StrictString, id_field
from agentos.api.kit.schemas.structure import ResponseSchema


class OwnerDataQuery(RequestSchema):
    """The owner, and perhaps the user, of the data."""

    owner = StrictString("The owner, as sessions and runs show it.", least=1, most=255, required=True)
    user_id = id_field("Only sessions and runs of this user of the owner.")


class DeletedDataSchema(ResponseSchema):
    """How much was deleted."""

    sessions = StrictInteger("Sessions.")
    runs = StrictInteger("Runs, in sessions or not.")
    attachments = StrictInteger("Attachments: the same bytes in several runs count once.")
