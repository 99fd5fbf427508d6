"""The files of the page: built from ``web/``, and named by their contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"

MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""What the files are compressed with, the best one first, and how those names end."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was built: the page names the first ones, and may fetch each of ``files``."""

    script: str
    style: str
    theme: str
    icon: str
    preload: Sequence[str]
    files: Mapping[str, Mapping[str, int]]
    sources: str


def read_manifest() -> Manifest:
    """Return what is there now: an update of the package while the server runs is noticed at the next request."""
    path = FOLDER / "manifest.json"
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _parsed(path: Path, _: int) -> Manifest:
    return Manifest(**json.loads(path.read_bytes()))


def read_asset(name: str, encoding: str | None) -> bytes | None:
    """Return a file, compressed or not; ``None`` if there is none of that name.

    It is read each time: the system keeps what is asked for often, and a worker's memory stays small.
    """
    if name not in read_manifest().files:
        return None
    return (FOLDER / (name + ENCODINGS.get(encoding or "", ""))).read_bytes()


def media_type(name: str) -> str:
    """Return what a file is, by its name."""
    return MEDIA_TYPES[name.rpartition(".")[2]]


def named_by_content(stem: str, suffix: str, content: bytes) -> str:
    """Return a name that changes with the content, so that it can be cached for ever."""
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:8].upper()}.{suffix}"
