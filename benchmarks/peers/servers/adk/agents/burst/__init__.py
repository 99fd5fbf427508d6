"""What ADK finds an agent by."""

from . import agent as agent
