"""The path under which a proxy shows the server: addresses in answers begin with it, requests may."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set
from typing import Any

from agentos.setting_kinds import PATH_PREFIX

FORWARDED = "HTTP_X_FORWARDED_PREFIX"

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class PathPrefix:
    """Puts the prefix into ``SCRIPT_NAME`` and takes it off ``PATH_INFO``, where the proxy left it on.

    ``root`` is the configured one. Without it, ``X-Forwarded-Prefix`` counts: use it behind trusted proxies alone.
    ``names`` are the first parts of the application's own paths: only before one of them a prefix is taken off, so that
    ``/api`` can be one too.
    """

    def __init__(self, application: Application, *, root: str | None, names: Set[str]) -> None:
        self._application = application
        self._root = root
        self._path = re.compile(rf"(?=/(?:{'|'.join(map(re.escape, sorted(names - {''})))})?(?:/|\Z))", re.ASCII)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        prefix = self._root or _forwarded(environ.get(FORWARDED, ""))
        if prefix is not None:
            environ["SCRIPT_NAME"] = prefix
            path: str = environ["PATH_INFO"]
            if path == prefix:
                environ["PATH_INFO"] = "/"
            elif path.startswith(f"{prefix}/") and self._path.match(path, len(prefix)):
                environ["PATH_INFO"] = path[len(prefix) :]
        return self._application(environ, start_response)


def _forwarded(header: str) -> str | None:
    """Return the prefix that the nearest proxy set; ``None`` for what is no path."""
    try:
        found: str | None = PATH_PREFIX.parse(header.rpartition(",")[2])
    except ValueError:
        return None
    return found
