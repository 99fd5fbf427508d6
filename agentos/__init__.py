"""AgentOS: a production HTTP server for AI agents."""

from agentos._version import __version__

__all__ = ["__version__"]
