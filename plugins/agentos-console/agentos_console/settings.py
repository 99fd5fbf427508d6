"""The settings of the console."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agentos import Kind, RegisterSetting, kinds

PATH = "console_path"
TITLE = "console_title"
THEME = "console_theme"

LARGEST_THEME = 256 * 1024

_PATH = re.compile(r"/|(?:/[A-Za-z0-9._~-]+)+")


def _path(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    text = value.strip()
    if not _PATH.fullmatch(text) or {".", ".."} & {*text.split("/")}:
        raise ValueError(value)
    return text


def _title(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    text = value.strip()
    if not text or len(text) > 60 or not text.isprintable():
        raise ValueError(value)
    return text


PATH_KIND = Kind("a path such as '/' or '/console', without a '/' at its end", _path)
TITLE_KIND = Kind("1 to 60 characters on one line", _title)


def read_theme(path: str | None) -> bytes | None:
    """Return the theme. Raises ``ValueError`` where it cannot be one."""
    if path is None:
        return None
    try:
        found = Path(path).expanduser().read_bytes()
        found.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{THEME}: {path!r:.300} cannot be read as CSS in UTF-8: {error}") from error
    if len(found) > LARGEST_THEME:
        raise ValueError(f"{THEME}: {path!r:.300} has {len(found)} bytes; accepted are {LARGEST_THEME} at most")
    return found


def register_all(register: RegisterSetting) -> None:
    """Register the settings of the console."""
    register(
        PATH,
        kinds.or_none(PATH_KIND),
        "/",
        "Where the console is. At '/', programs are still given the index of the server: only a client that prefers"
        " HTML gets the page. `none`: there is no console.",
    )
    register(TITLE, TITLE_KIND, "AgentOS", "What the console is called, in its navigation and in the browser's tab.")
    register(
        THEME,
        kinds.or_none(kinds.TEXT),
        "none",
        "The path of a file of CSS that is loaded after the console's own: it sets the colours, fonts and sizes of a"
        " theme. The server reads it when it starts. `none`: the console's own looks.",
    )
