"""The ``Idempotency-Key`` of a request: what makes a repeat of it known as one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Request

from agentos.api.kit.callers import caller
from agentos.errors import InvalidRequest
from agentos.storage.idempotency import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

REQUEST_HEADER: Mapping[str, str] = {
    HEADER: "A name of the client's for this request, 1 to 255 visible ASCII characters: a repeat within 24 hours is"
    f" given the first one's answer, with `{REPLAYED}: true`, also while the first is still under way and when its"
    " answer is an error."
}
RESPONSE_HEADER: Mapping[str, str] = {REPLAYED: "`true` on the answer to a repeat; absent otherwise."}

_VISIBLE = re.compile(r"[!-~]{1,255}")


def idempotency_key(request: Request, body: Mapping[str, Any], *named: str | None) -> IdempotencyKey | None:
    """Return the key of a request, if it has one; ``body`` is what it asks for, as read, with all defaults.

    ``named`` is what else decides where the answer belongs, such as a session that a header names.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _VISIBLE.fullmatch(key):
        shown = "empty" if not key else f"{len(key)} characters long" if len(key) > 80 else repr(key)
        raise InvalidRequest(f"{HEADER} is {shown}; accepted are 1 to 255 visible ASCII characters, without spaces")
    asked = [body, *named] if any(named) else body
    canonical = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    return IdempotencyKey(
        owner=caller().owner,
        route=f"{request.method} {request.path.rstrip('/')}",
        key=key,
        fingerprint=hashlib.sha256(canonical).hexdigest(),
    )


def replayed_header(replayed: bool) -> dict[str, str]:
    """Return the header that marks the answer to a repeat."""
    return {REPLAYED: "true"} if replayed else {}
