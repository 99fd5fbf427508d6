"""What the servers of the suites have: each module is a plugin with a scripted model, and has the agents."""

ALL_OVERRIDES = (
    "temperature",
    "max_tokens",
    "output_schema",
    "client_tools",
    "tool_choice",
    "parallel_tool_calls",
    "instructions",
)
"""What an agent has to allow for everything that clients of OpenAI and Anthropic ask for."""
