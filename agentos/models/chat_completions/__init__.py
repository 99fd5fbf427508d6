"""The Chat Completions wire format, which OpenAI made and most model servers speak."""

from agentos.models.chat_completions.client import ChatCompletions
from agentos.models.chat_completions.messages import MEDIA_TYPES, check_media
from agentos.models.servers.chat import Dialect
from agentos.models.servers.table import dialect_for

__all__ = ["MEDIA_TYPES", "ChatCompletions", "Dialect", "check_media", "dialect_for"]
