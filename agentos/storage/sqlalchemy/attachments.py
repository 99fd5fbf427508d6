"""The bytes of attachments: written with what has them, read piece by piece outside of any transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from itertools import count
from typing import Any

from sqlalchemy import Integer, bindparam, insert, select

from agentos.domain.media import Media
from agentos.domain.media_data import REST
from agentos.domain.run import Run
from agentos.storage.attachments import Attachment, AttachmentStore, digest_of, digests_of
from agentos.storage.history import StoredMessage
from agentos.storage.sqlalchemy.attachment_tables import (
    attachment_pieces,
    attachments,
    message_attachments,
    run_attachments,
)
from agentos.storage.sqlalchemy.columns import microseconds
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import for_each_dialect
from agentos.storage.sqlalchemy.media_rows import read_inline
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped

# Locked against the deletion of the last run or message that has them, which waits for the end of this transaction.
_PRESENT = (
    select(attachments.c.digest)
    .where(attachments.c.owner == bindparam("owner"), attachments.c.digest.in_(bindparam("digests", expanding=True)))
    .order_by(attachments.c.digest)
    .with_for_update(read=True, key_share=True)
)


def _add(dialect: Any) -> Any:
    """Build the statement that adds an attachment. One that another transaction has just added is locked by it too."""
    statement = dialect.insert(attachments)
    return statement.on_conflict_do_update(
        index_elements=[attachments.c.digest, attachments.c.owner], set_={"size": statement.excluded.size}
    )


_ADD = for_each_dialect(_add)
_ADD_PIECE = for_each_dialect(lambda dialect: dialect.insert(attachment_pieces).on_conflict_do_nothing())
_USE = for_each_dialect(lambda dialect: dialect.insert(run_attachments).on_conflict_do_nothing())
_USE_IN_MESSAGE = insert(message_attachments)

_HEAD = OwnerScoped(
    select(attachments.c.owner, attachments.c.size).where(attachments.c.digest == bindparam("digest")).limit(1),
    attachments.c.owner,
)
_PIECE = select(attachment_pieces.c.content).where(
    attachment_pieces.c.owner == bindparam("owner"),
    attachment_pieces.c.digest == bindparam("digest"),
    attachment_pieces.c.number == bindparam("number", type_=Integer),
)


def keep_attachments(
    connection: Connection, run: Run, media: Sequence[Media], new: Mapping[str, Attachment], *, owner: str
) -> None:
    """Keep the attachments of a run, in the caller's transaction."""
    kept = _keep(connection, digests_of(media), new, owner=owner, created_at=microseconds(run.created_at))
    if kept:
        uses = [{"run_id": run.id, "owner": owner, "digest": digest} for digest in kept]
        connection.execute(_USE[connection.dialect], uses)


def keep_message_attachments(
    connection: Connection,
    session_id: str,
    added: Sequence[StoredMessage],
    new: Mapping[str, Attachment],
    *,
    owner: str,
) -> None:
    """Keep the attachments of added messages, in the caller's transaction, which has the messages' rows already."""
    by_message = {one.sequence: digests_of(one.message.media) for one in added if one.message.media}
    if not by_message:
        return
    wanted = set[str]().union(*by_message.values())
    kept = set(_keep(connection, wanted, new, owner=owner, created_at=microseconds(added[0].created_at)))
    uses = [
        {"session_id": session_id, "sequence": sequence, "owner": owner, "digest": digest}
        for sequence, digests in by_message.items()
        for digest in sorted(digests & kept)
    ]
    if uses:
        connection.execute(_USE_IN_MESSAGE, uses)


def _keep(
    connection: Connection, digests: Set[str], new: Mapping[str, Attachment], *, owner: str, created_at: int
) -> Sequence[str]:
    """Add the attachments that an owner does not have yet, and return the digests of those that it has then.

    In the order of their digests, as everywhere: two transactions that lock in one order never block each other.
    """
    wanted = sorted(digests)
    if not wanted:
        return ()
    found = connection.execute(_PRESENT, {"owner": owner, "digests": wanted}).all()
    present = {row.digest for row in found}
    for digest in wanted:
        if digest not in present and digest in new:
            _add_one(connection, owner, new[digest], created_at=created_at)
    return [digest for digest in wanted if digest in new or digest in present]


def _add_one(connection: Connection, owner: str, attachment: Attachment, *, created_at: int) -> None:
    which = {"owner": owner, "digest": attachment.digest}
    connection.execute(_ADD[connection.dialect], {**which, "size": attachment.size, "created_at": created_at})
    for number, content in enumerate(attachment.pieces):
        connection.execute(_ADD_PIECE[connection.dialect], {**which, "number": number, "content": content})


class SqlAttachmentStore(SqlStore, AttachmentStore):
    """Bytes of attachments by reference."""

    def read(self, reference: str, *, owner: str | None) -> bytes | None:
        digest = digest_of(reference)
        if digest is None:
            return read_inline(self._database, reference, owner=owner)
        head = self._database.query(*_HEAD.for_owner(owner, digest=digest)).first()
        return None if head is None else self._content(digest, head.owner, head.size)

    def _content(self, digest: str, owner: str, size: int) -> bytes | None:
        content = bytearray()
        for number in count():
            if len(content) >= size:
                break
            which = {"digest": digest, "owner": owner, "number": number}
            piece = self._database.query(_PIECE, which).scalar()
            if piece is None:  # deleted meanwhile
                return None
            content += piece
            time.sleep(REST)
        return bytes(content)
