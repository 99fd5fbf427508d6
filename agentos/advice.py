"""Finds settings that are accepted but surely not meant; said at start and by ``agentos doctor``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib.metadata import entry_points

from agentos.config import Config
from agentos.models.catalog import KNOWN_PACKAGES
from agentos.plugins.manager import GROUP, PluginReport
from agentos.plugins.settings import absent_plugin_of
from agentos.settings import CONFIG_VARIABLE

PREFIX = "AGENTOS_"


def advice(config: Config) -> Iterator[str]:
    """Yield a sentence for each setting that will not do what its user expects."""
    plugins = [
        entry.name for entry in entry_points(group=GROUP) if config.plugins is None or entry.name in config.plugins
    ]
    served = {*plugins, *(provider.prefix for provider in config.providers)}
    for name, key in (("openai", config.openai_api_key), ("anthropic", config.anthropic_api_key)):
        if key and name not in served:
            yield (
                f"{name.upper()}_API_KEY is set, but nothing here uses it: pip install {KNOWN_PACKAGES[name]}, and name"
                " its plugin in AGENTOS_PLUGINS where that is set"
            )
    if config.database_url.startswith("memory:") and config.workers > 1:
        yield (
            f"AGENTOS_DATABASE_URL is memory://, and each of the {config.workers} workers has a memory of its own, so"
            " sessions and runs of one are unknown to the others: set AGENTOS_WORKERS=1, or use a database"
        )


def unread_variables(config: Config, reports: Sequence[PluginReport]) -> Iterator[str]:
    """Yield a sentence for each variable ``AGENTOS_…`` that no setting reads, ours or a loaded plugin's.

    ``config`` has the settings of the plugins, and ``reports`` say which plugins are not loaded.
    """
    known = {name for setting in config.settings for name in (*setting.env, *setting.file_env)} | {CONFIG_VARIABLE}
    for name in sorted(name for name, value in config.inputs.environment.items() if name.startswith(PREFIX) and value):
        if name in known:
            continue
        if (plugin := absent_plugin_of(name, reports)) is not None:
            state = "left out (AGENTOS_PLUGINS)" if plugin.status == "left out" else "broken"
            yield f"{name} has no effect: plugin {plugin.name} is {state}"
            continue
        close = get_close_matches(name, known, n=1, cutoff=0.75)
        hint = f"; did you mean {close[0]}?" if close else ""
        yield f"{name} is no setting of AgentOS, nor of a plugin that is loaded{hint}"
