"""Model providers that the settings name: OpenAI-compatible servers, each with a prefix, an address and a key."""

from agentos.provider_settings.options import OPTIONS, PROVIDERS, parse_providers
from agentos.provider_settings.value import ProviderSettings

__all__ = ["OPTIONS", "PROVIDERS", "ProviderSettings", "parse_providers"]
