from pathlib import Path

from agentos import hookimpl


@hookimpl
def register_guest_adapters(register):
    # The guest imports this file, and only if the agent's module has imported the framework.
    register("parley", Path(__file__), framework="parley", environment={"PARLEY_TELEMETRY": "off"})
