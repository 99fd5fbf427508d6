"""The bytes of attachments as answers. They are the client's own, and must do nothing in a browser but be shown."""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Response
from werkzeug.http import dump_options_header

from agentos.domain.media import Media
from agentos.errors import NotFound

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What is shown as it is. Not SVG: it may hold scripts."""

DOWNLOAD = "application/octet-stream"
"""The type of anything else."""

# Not even an image may load or run anything, should a browser take it for a document.
_POLICY = "default-src 'none'; sandbox"


def media_number(text: str) -> int:
    """Return the number in an address; raise ``NotFound`` for a text that is none."""
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII):
        raise NotFound(f"{text!r:.100} is no number of an attachment; accepted is a whole number from 0 to 9999")
    return int(text)


def media_response(media: Media, content: bytes) -> Response:
    """Return the answer that has an attachment's bytes."""
    given = (media.content_type or "").lower()
    shown = media.type == "image" and given in IMAGES
    options = {} if media.name is None else _file_name(media.name)
    headers = {
        "Content-Disposition": dump_options_header("inline" if shown else "attachment", options),
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "private, max-age=300",
    }
    return Response(content, headers=headers, content_type=given if shown else DOWNLOAD)


def _file_name(name: str) -> dict[str, str]:
    """Return the parameters that name a file (RFC 6266): in ASCII for every client, and exactly for the others."""
    plain = re.sub(r"[\x00-\x1f\x7f/\\]+", "_", name).strip()
    if not plain:
        return {}
    if plain.isascii():
        return {"filename": plain}
    return {
        "filename": plain.encode("ascii", "replace").decode().replace("?", "_"),
        "filename*": f"UTF-8''{quote(plain, safe='', errors='replace')}",
    }
