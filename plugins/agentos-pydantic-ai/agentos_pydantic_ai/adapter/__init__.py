"""Runs agents of Pydantic AI. It is loaded by a guest process, in the environment that has the framework."""

from __future__ import annotations

from .agent import PydanticAI

__all__ = ["ADAPTER", "PydanticAI"]

ADAPTER = PydanticAI()
