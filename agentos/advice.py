"""Finds settings that are accepted but surely not meant; said at start and by ``agentos doctor``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points

from agentos.config import Config
from agentos.plugins.manager import GROUP
from agentos.settings import settings_of

PREFIX = "AGENTOS_"
OWN = {"AGENTOS_CONFIG"}
"""Variables of ours that are no settings."""


def advice(config: Config, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield a sentence for each setting that will not do what its user expects."""
    plugins = [
        entry.name for entry in entry_points(group=GROUP) if config.plugins is None or entry.name in config.plugins
    ]
    served = {*plugins, *(provider.prefix for provider in config.providers)}
    if config.openai_api_key and "openai" not in served:
        yield (
            "OPENAI_API_KEY is set, but nothing here uses it: pip install agentos-server-openai, and name its plugin in"
            " AGENTOS_PLUGINS where that is set"
        )
    if config.database_url.startswith("memory:") and config.workers > 1:
        yield (
            f"AGENTOS_DATABASE_URL is memory://, and each of the {config.workers} workers has a memory of its own, so"
            " sessions and runs of one are unknown to the others: set AGENTOS_WORKERS=1, or use a database"
        )
    yield from _unknown_variables(environ)


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    known = {name for setting in settings_of(Config) for name in setting.env} | OWN
    known |= {f"{name}_FILE" for name in known}
    # A plugin's variables begin with its name, as AGENTOS_HTTP_…; one that is left out may have some too.
    theirs = [f"{PREFIX}{entry.name.upper().replace('-', '_')}" for entry in entry_points(group=GROUP)]
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or not environ[name]:
            continue
        if any(name == start or name.startswith(f"{start}_") for start in theirs):
            continue
        close = get_close_matches(name, known, n=1, cutoff=0.75)
        yield f"{name} is no setting of AgentOS{f'; did you mean {close[0]}?' if close else ''}"
