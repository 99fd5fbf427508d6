"""An agent with tools that wait: for an approval, for an answer to a question, for the client that executes it."""

from typing import Any

from agentos import Tool, ToolContext
from agentos.models.scripted import call
from agentos.tools.tool import tool

TRANSFER = [call("transfer", '{"amount": 5}')]
"""A turn in which the model calls the tool that needs an approval."""

BOOK = [call("book", '{"day": "Monday"}')]
"""A turn in which the model calls the tool that asks a question."""

OPEN = [call("open_page", '{"page": 7}')]
"""A turn in which the model calls the client's tool."""

TIME = {"type": "object", "properties": {"time": {"type": "string"}}, "required": ["time"]}

CLIENT_TOOLS: dict[str, Any] = {
    "client_tools": [
        {
            "name": "open_page",
            "description": "Show a page to the user.",
            "parameters": {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]},
        }
    ]
}
"""The overrides of a run of a client that shows pages."""


class Bank:
    """Its tools, and the calls of them that really happened."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def tools(self) -> list[Tool]:
        """Return the tools, for an agent."""

        @tool(approval=True)
        def transfer(amount: int) -> str:
            """Transfer money."""
            self.calls.append(f"transfer {amount}")
            return f"sent {amount}"

        @tool
        def balance() -> str:
            """Read the balance."""
            self.calls.append("balance")
            return "100"

        @tool
        def book(day: str, context: ToolContext) -> str:
            """Book an appointment."""
            self.calls.append(f"book {day}")
            given = context.ask("At which time?", TIME)
            self.calls.append(f"booked {day} {given['time']}")
            return f"{day} at {given['time']}"

        return [transfer, balance, book]
