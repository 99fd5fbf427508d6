"""A provider that the settings name: our own client for a server of one of the two wire formats. No SDK is needed."""

from __future__ import annotations

from collections.abc import Iterator

from agentos.config import Config
from agentos.domain.media import Media
from agentos.errors import ConfigError, ProviderError
from agentos.models.anthropic_messages import AnthropicMessages
from agentos.models.chat_completions import MEDIA_TYPES, ChatCompletions, check_media
from agentos.models.deltas import Arrival
from agentos.models.model_list import count_models
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.servers.chat import Dialect
from agentos.models.servers.messages import MessagesDialect
from agentos.models.servers.table import server_for
from agentos.models.wire.dialects import D
from agentos.provider_settings import ProviderSettings

Client = ChatCompletions | AnthropicMessages


class CompatibleProvider(ModelProvider):
    """Talks to the one server that its settings name, with the key and headers that they name for it."""

    media_types = MEDIA_TYPES

    def __init__(self, settings: ProviderSettings, config: Config) -> None:
        self._settings = settings
        # Without a variable the provider is there and says what is missing; the other providers must not wait for it.
        self._server = None
        if not settings.missing_variables:
            self._server = self._client(settings, settings.token_timeout or config.token_timeout)

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Stream the model's answer."""
        return self._configured().stream(request)

    def check_media(self, media: Media) -> None:
        """Refuse what Chat Completions has no place for, such as a file that is given by its address."""
        check_media(media)

    def model_names(self) -> list[str]:
        """Return the models that the settings list; asking the server may take long."""
        return list(self._settings.models)

    def check(self) -> str:
        """Ask the server for its models."""
        key = f"{self._settings.key_variable} and " if self._settings.key_variable else ""
        return self._count_models(f"check {key}the options of [providers.{self._settings.prefix}]")

    def close(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()

    def _client(self, settings: ProviderSettings, token_timeout: float) -> Client:
        return ChatCompletions(
            settings.address,
            settings.request_headers,
            token_timeout=token_timeout,
            dialect=chat_dialect_of(settings),
        )

    def _count_models(self, advice: str) -> str:
        self._configured()
        return count_models(self._settings.address, self._settings.request_headers, advice=advice)

    def _configured(self) -> Client:
        if self._server is not None:
            return self._server
        names = " and ".join(self._settings.missing_variables)
        raise ProviderError(
            f"provider {self._settings.prefix!r} cannot be used: the setting 'providers' names the environment variable"
            f" {names}, which is not set; set it and restart"
        )


class CompatibleMessagesProvider(CompatibleProvider):
    """The same for a server that speaks Anthropic's Messages API."""

    media_types = AnthropicMessages.media_types

    def check_media(self, media: Media) -> None:
        """Refuse what the Messages API has no place for, such as audio."""
        AnthropicMessages.check_media(media)

    def _client(self, settings: ProviderSettings, token_timeout: float) -> Client:
        return AnthropicMessages(
            settings.address,
            settings.request_headers,
            token_timeout=token_timeout,
            dialect=messages_dialect_of(settings),
        )

    def _count_models(self, advice: str) -> str:
        client = self._configured()
        assert isinstance(client, AnthropicMessages)
        return client.count_models(advice=advice)


def compatible_provider(settings: ProviderSettings, config: Config) -> CompatibleProvider:
    """Return the provider of a server that the settings name."""
    return (CompatibleMessagesProvider if settings.api == "messages" else CompatibleProvider)(settings, config)


def check_dialect(settings: ProviderSettings) -> None:
    """Raise :class:`~agentos.errors.ConfigError` for an option of a dialect that is not accepted."""
    if settings.api == "messages":
        messages_dialect_of(settings)
    else:
        chat_dialect_of(settings)


def chat_dialect_of(settings: ProviderSettings) -> Dialect:
    """Return the dialect of a provider's Chat Completions, with the options of the settings."""
    return _with_options(server_for(settings.base_url).chat, settings)


def messages_dialect_of(settings: ProviderSettings) -> MessagesDialect:
    """Return the dialect of a provider's Messages API, with the options of the settings."""
    return _with_options(server_for(settings.base_url).messages, settings)


def _with_options(dialect: D, settings: ProviderSettings) -> D:
    try:
        return dialect.with_options(settings.dialect)
    except ValueError as error:
        raise ConfigError(f"setting 'providers': provider {settings.prefix!r}, option 'dialect': {error}") from error
