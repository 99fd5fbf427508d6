"""The data of one owner."""

from __future__ import annotations

from agentos.api.kit.schemas.fields import RequestSchema, Text, Whole, id_field
from agentos.api.kit.schemas.structure import AnswerSchema


class OwnerDataQuery(RequestSchema):
    """Whose data."""

    owner = Text("The owner, as sessions and runs show it.", least=1, most=255, required=True)
    user_id = id_field("Only sessions and runs of this user of the owner.")


class DeletedDataSchema(AnswerSchema):
    """How much was deleted."""

    sessions = Whole("Sessions.")
    runs = Whole("Runs, in sessions or not.")
    attachments = Whole("Attachments: the same bytes in several runs count once.")
