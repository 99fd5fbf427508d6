"""The SDK's configuration and headers, with AgentOS's own client for the calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentos import (
    Arrival,
    ChatCompletions,
    Config,
    Media,
    ModelProvider,
    ModelRequest,
    ProviderError,
    ProviderUnavailable,
)

if TYPE_CHECKING:
    import openai

OPENAI = "https://api.openai.com/v1"
CHECK_SECONDS = 5.0
BAD_URL = "the address in OPENAI_BASE_URL is not accepted: give http(s)://host[:port][/path]"

WELL_KNOWN = ["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"]


class OpenAIProvider(ModelProvider):
    """Talks to OpenAI, or to the server at ``config.openai_base_url``."""

    media_types = ChatCompletions.media_types

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._server: ChatCompletions | None = None

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Stream a chat completion."""
        return (self._server or self._connect()).stream(request)

    def check_media(self, media: Media) -> None:
        """Refuse what Chat Completions has no place for, such as a file that is given by its address."""
        ChatCompletions.check_media(media)

    def model_names(self) -> list[str]:
        """Return OpenAI's well-known models; of another server none, since asking it may take long."""
        return [] if self._config.openai_base_url else list(WELL_KNOWN)

    def check(self) -> str:
        """Ask the server for its models."""
        import openai

        with self._sdk() as sdk:
            place = f"{sdk.base_url.scheme}://{sdk.base_url.netloc.decode()}"
            try:
                return f"{len(sdk.models.list().data)} models at {place}"
            except openai.APIConnectionError as error:
                raise ProviderUnavailable(
                    f"{place} cannot be reached: check OPENAI_BASE_URL and the network"
                ) from error
            except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
                raise ProviderError(f"{place} refused the key: check OPENAI_API_KEY") from error
            except openai.APIStatusError as error:
                raise ProviderError(f"{place} answered with status {error.status_code}") from error
            except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
                raise ProviderError(f"{place} did not list its models: check OPENAI_BASE_URL") from error

    def close(self) -> None:
        """Close connections."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _connect(self) -> ChatCompletions:
        with self._lock:
            if self._server is None:
                with self._sdk() as sdk:
                    headers = {**sdk.default_headers, **sdk.auth_headers}
                    self._server = ChatCompletions(
                        str(sdk.base_url),
                        {name: value for name, value in headers.items() if isinstance(value, str)},
                        token_timeout=self._config.token_timeout,
                    )
            return self._server

    def _sdk(self) -> openai.OpenAI:
        """Return a client of the SDK, which is imported here: it is too heavy for workers that do not need it."""
        key = self._config.openai_api_key
        if not key and not self._config.openai_base_url:
            raise ProviderError(
                "there is no key for OpenAI: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none"
            )
        import openai

        # Both are always given: without them the SDK would read the process's environment past our configuration.
        try:
            sdk = openai.OpenAI(
                api_key=key or "none",
                base_url=self._config.openai_base_url or OPENAI,
                timeout=CHECK_SECONDS,
                max_retries=0,
            )
        except Exception as error:  # other people's code: its errors for an address have no class in common
            raise ProviderError(BAD_URL) from error
        if sdk.base_url.scheme not in ("http", "https") or not sdk.base_url.host:
            sdk.close()
            raise ProviderError(BAD_URL)
        return sdk
