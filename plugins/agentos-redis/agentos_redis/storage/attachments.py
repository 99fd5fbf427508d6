"""The bytes of attachments in Redis."""

from __future__ import annotations

from agentos.backends import AttachmentStore, digest_of
from agentos_redis.storage.database import RedisStore


class RedisAttachmentStore(RedisStore, AttachmentStore):
    """Bytes of attachments by reference."""

    def read(self, reference: str, *, owner: str | None) -> bytes | None:
        digest = digest_of(reference)
        if digest is None:
            return None
        found: bytes | None = self._database.read("blob", digest=digest, owner=owner)
        return found
