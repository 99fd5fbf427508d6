"""The Messages wire format, which Anthropic made and some other model servers and gateways speak."""

from agentos.models.anthropic_messages.client import AnthropicMessages
from agentos.models.anthropic_messages.content import MEDIA_TYPES, check_media
from agentos.models.servers.messages import MessagesDialect

__all__ = ["MEDIA_TYPES", "AnthropicMessages", "MessagesDialect", "check_media"]
