"""A provider that the settings name: our own client for a server that speaks Chat Completions. No SDK is needed."""

from __future__ import annotations

from collections.abc import Iterator

from agentos.config import Config
from agentos.domain.media import Media
from agentos.errors import ConfigError, ProviderError
from agentos.models.chat_completions import MEDIA_TYPES, ChatCompletions, check_media
from agentos.models.deltas import Arrival
from agentos.models.model_list import count_models
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.servers.chat import Dialect
from agentos.models.servers.table import dialect_for
from agentos.provider_settings import ProviderSettings


class CompatibleProvider(ModelProvider):
    """Talks to the one server that its settings name, with the key and headers that they name for it."""

    media_types = MEDIA_TYPES

    def __init__(self, settings: ProviderSettings, config: Config) -> None:
        self._settings = settings
        # Without a variable the provider is there and says what is missing; the other providers must not wait for it.
        self._server = None
        if not settings.missing_variables:
            self._server = ChatCompletions(
                settings.address,
                settings.request_headers,
                token_timeout=settings.token_timeout or config.token_timeout,
                dialect=dialect_of(settings),
            )

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Stream a chat completion."""
        return self._configured().stream(request)

    def check_media(self, media: Media) -> None:
        """Refuse what Chat Completions has no place for, such as a file that is given by its address."""
        check_media(media)

    def model_names(self) -> list[str]:
        """Return the models that the settings list; asking the server may take long."""
        return list(self._settings.models)

    def check(self) -> str:
        """Ask the server for its models."""
        self._configured()
        key = f"{self._settings.key_variable} and " if self._settings.key_variable else ""
        advice = f"check {key}the options of [providers.{self._settings.prefix}]"
        return count_models(self._settings.address, self._settings.request_headers, advice=advice)

    def close(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()

    def _configured(self) -> ChatCompletions:
        if self._server is not None:
            return self._server
        names = " and ".join(self._settings.missing_variables)
        raise ProviderError(
            f"provider {self._settings.prefix!r} cannot be used: the setting 'providers' names the environment variable"
            f" {names}, which is not set; set it and restart"
        )


def dialect_of(settings: ProviderSettings) -> Dialect:
    """Return the dialect of a provider's server, with the options of the settings.

    Raises :class:`~agentos.errors.ConfigError` for an option that is not accepted.
    """
    try:
        return dialect_for(settings.base_url).with_options(settings.dialect)
    except ValueError as error:
        raise ConfigError(f"setting 'providers': provider {settings.prefix!r}, option 'dialect': {error}") from error
