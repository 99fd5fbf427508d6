"""The adapter ``langgraph``: graphs of LangGraph, agents and chat models of LangChain, in a guest process.

Neither framework is needed here. They live in the guest's environment, where ``adapter/`` is loaded by its path.
"""

from __future__ import annotations

from pathlib import Path

from agentos import RegisterGuestAdapter, hookimpl

__all__ = ["register_guest_adapters"]


@hookimpl
def register_guest_adapters(register: RegisterGuestAdapter) -> None:
    """Register the adapter for what has imported LangChain's core, which LangGraph is built on."""
    register("langgraph", Path(__file__).with_name("adapter"), framework="langchain_core")
