"""From an agent's ``provider:model`` to the provider that serves it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from agentos.config import Config
from agentos.errors import AgentOSError, ProviderError
from agentos.models.provider import ModelProvider
from agentos.plugins.closing import Closable, close_all
from agentos.registry import Entry, Registry

logger = logging.getLogger(__name__)

ProviderFactory = Callable[[Config], ModelProvider]

KNOWN_PACKAGES = {
    "anthropic": "agentos-server-anthropic",
    "openai": "agentos-server-openai",
    "local": "agentos-server-local",
}
"""What to install for the prefixes that this project has plugins for."""


class Catalog:
    """The model providers of one worker, each made when it is first needed."""

    def __init__(self, registry: Registry[ProviderFactory], config: Config) -> None:
        self._registry = registry
        self._config = config
        self._lock = threading.Lock()
        self._providers: dict[str, ModelProvider] = {}

    def check(self, model: str) -> None:
        """Raise :class:`~agentos.errors.ProviderError` unless the model's prefix is known. Makes no provider."""
        self._entry(model.partition(":")[0])

    def resolve(self, model: str) -> tuple[ModelProvider, str]:
        """Return the provider for ``provider:model``, and the model's name as the provider knows it.

        Raises :class:`~agentos.errors.ProviderError` for a prefix that is not registered, and what the provider's
        factory raises.
        """
        prefix, _, name = model.partition(":")
        return self.provider(prefix), name

    def provider(self, prefix: str) -> ModelProvider:
        """Return the provider of a prefix; the same one at every call."""
        made = self._providers.get(prefix)
        if made is not None:
            return made
        entry = self._entry(prefix)
        with self._lock:
            if prefix not in self._providers:
                self._providers[prefix] = self._make(entry)
            return self._providers[prefix]

    def __iter__(self) -> Iterator[Entry[ProviderFactory]]:
        """Iterate over the registered providers by prefix, without making them."""
        return iter(self._registry)

    def names(self) -> list[tuple[str, str]]:
        """Return full names of models worth showing, each with the plugin that it came from, sorted."""
        found: list[tuple[str, str]] = []
        for entry in self._registry:
            try:
                names = self.provider(entry.name).model_names()
            except Exception:  # other people's code; one broken provider must not hide the others
                logger.warning("model provider %r cannot list its models", entry.name, exc_info=True)
                continue
            found += [(f"{entry.name}:{name}", entry.source) for name in names]
        return sorted(found)

    def take(self) -> list[Closable]:
        """Return every provider that was made, and forget it: the caller closes it."""
        with self._lock:
            made, self._providers = self._providers, {}
        return [
            Closable(self._entry(prefix).source, f"model provider:{prefix}", provider.close)
            for prefix, provider in made.items()
        ]

    def close(self) -> None:
        """Close every provider that was made. Never raises, and takes a bounded time."""
        close_all(self.take())

    def _entry(self, prefix: str) -> Entry[ProviderFactory]:
        entry = self._registry.get(prefix)
        if entry is not None:
            return entry
        package = KNOWN_PACKAGES.get(prefix)
        brings = f"pip install {package}" if package else "install the plugin that brings it"
        advice = f"{brings}, name its server in the setting 'providers'"
        known = ", ".join(self._registry.names()) or "none"
        raise ProviderError(f"there is no model provider {prefix!r}: {advice}, or use one of: {known}")

    def _make(self, entry: Entry[ProviderFactory]) -> ModelProvider:
        try:
            return entry.value(self._config)
        except AgentOSError:
            raise
        except Exception as error:  # other people's code
            logger.exception("model provider %r of plugin %r cannot be made", entry.name, entry.source)
            raise ProviderError(f"model provider {entry.name!r} of plugin {entry.source!r} cannot be made") from error
