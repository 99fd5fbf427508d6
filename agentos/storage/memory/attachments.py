"""The bytes of attachments in memory."""

from __future__ import annotations

from agentos.storage.attachments import AttachmentStore, digest_of
from agentos.storage.memory.rows import MemoryStore


class MemoryAttachmentStore(MemoryStore, AttachmentStore):
    """Bytes of attachments by reference."""

    def read(self, reference: str, *, owner: str | None) -> bytes | None:
        digest = digest_of(reference)
        with self._lock:
            found = [
                attachment
                for (its_owner, its_digest), attachment in self._rows.attachments.items()
                if its_digest == digest and owner in (None, its_owner)
            ]
        return b"".join(found[0].pieces) if found else None
