"""Attachments as rows describe them. Rows of earlier versions have the bytes too, in base64.

Such a row may have many megabytes. It is read alone, outside of any transaction, and others have their turn after it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Integer, Text, and_, bindparam, case, cast, literal_column, null, select

from agentos.domain.media import Media
from agentos.domain.media_data import REST, decoded
from agentos.storage.json_text import dumps, loads
from agentos.storage.sqlalchemy.columns import Values
from agentos.storage.sqlalchemy.database import Database
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.tables import messages, run_media, runs, sessions

_OLD_MEDIA = ("type", "url", "data", "content_type", "name", "metadata")
_ATTACHMENTS = ("type", "url", "content_type", "name", "metadata", "size", "reference")

_OF_RUN = OwnerScoped(
    select(run_media.c.media)
    .join_from(run_media, runs, runs.c.id == run_media.c.run_id)
    .where(run_media.c.run_id == bindparam("id")),
    runs.c.owner,
)
_OF_MESSAGE = OwnerScoped(
    select(messages.c.media)
    .join_from(messages, sessions, sessions.c.id == messages.c.session_id)
    .where(messages.c.session_id == bindparam("id"), messages.c.sequence == bindparam("sequence", type_=Integer)),
    sessions.c.owner,
)
_REFERENCE = re.compile(r"((?:run|message):.+):([0-9]+)", re.DOTALL)


# Where the attachments of a run or message of an earlier version are; NULL for any other. Said by the database, so that
# the rows of most runs have one column for it. `media` itself, which may have megabytes, is not among the columns.
_of_run: ColumnElement[str] = literal_column("'run:'")
_of_message = literal_column("'message:'").concat(messages.c.session_id).concat(literal_column("':'"))
RUN_PLACE = case(
    (and_(run_media.c.run_id.is_not(None), run_media.c.attachments.is_(None)), _of_run.concat(run_media.c.run_id))
).label("place")
MESSAGE_PLACE = case(
    (messages.c.attachments.is_not(None), null()),
    (messages.c.shares_media, _of_run.concat(messages.c.run_id)),
    (messages.c.media.is_not(None), _of_message.concat(cast(messages.c.sequence, Text))),
).label("place")


class InlineMedia:
    """Describes the attachments of one page or window; a run and its message may have the same."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._described: dict[str, tuple[Media, ...]] = {}

    def at(self, place: str) -> tuple[Media, ...]:
        """Return the attachments at a place without their bytes; none if the row is gone."""
        if place not in self._described:
            media = _read(self._database, place, None)
            self._described[place] = tuple(
                replace(one.without_data(), reference=None if one.data is None else f"{place}:{number}")
                for number, one in enumerate(media)
            )
            time.sleep(REST)
        return self._described[place]


def read_inline(database: Database, reference: str, *, owner: str | None) -> bytes | None:
    """Return the bytes of an owner's attachment by the reference of :class:`InlineMedia`; ``None`` if it is gone."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return None
    media = _read(database, found[1], owner)
    number = int(found[2])
    data = media[number].data if number < len(media) else None
    return None if data is None else b"".join(decoded(data))


def _read(database: Database, place: str, owner: str | None) -> tuple[Media, ...]:
    kind, _, where = place.partition(":")
    if kind == "run":
        query = _OF_RUN.for_owner(owner, id=where)
    else:
        session_id, _, sequence = where.rpartition(":")
        query = _OF_MESSAGE.for_owner(owner, id=session_id, sequence=int(sequence))
    text = database.query(*query).scalar()
    time.sleep(REST)  # parsing takes as long as reading
    return attachments_of(text)


def attachments_text(media: Iterable[Media]) -> str:
    """Return attachments as they are stored: all but their bytes."""
    return _media_text((one.without_data() for one in media), _ATTACHMENTS)


def attachments_of(text: str | None) -> tuple[Media, ...]:
    """Return the attachments of :func:`attachments_text`, or those of a row of an earlier version with their bytes."""
    return () if text is None else tuple(Media(**one) for one in loads(text))


def media_values(run_id: str, media: Sequence[Media]) -> Values:
    """Return the row of a run's attachments."""
    described = [one.without_data() for one in media]
    return {"run_id": run_id, "media": _media_text(described, _OLD_MEDIA), "attachments": attachments_text(described)}


def address_media_text(media: Sequence[Media]) -> str | None:
    """Return what an earlier version of the server can show a model again: attachments that have no bytes of ours."""
    addressed = [one for one in media if one.byte_count is None]
    return _media_text(addressed, _OLD_MEDIA) if addressed else None


def _media_text(media: Iterable[Media], names: Sequence[str]) -> str:
    return dumps([{name: value for name in names if (value := getattr(one, name)) is not None} for one in media])
