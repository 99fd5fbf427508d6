"""``agentos …`` and ``flask agentos …``: each command is the module of its name, imported when it is asked for.

A command imports what ``agentos`` itself does not load when it runs, so that help and completion are there at once.
"""

from agentos.cli.group import CommandGroup

COMMANDS = (
    "agents",
    "approvals",
    "chat",
    "config",
    "data",
    "db",
    "doctor",
    "init",
    "keys",
    "models",
    "openapi",
    "plugins",
    "prune",
    "register",
    "run",
    "runs",
    "serve",
    "sessions",
    "tools",
    "unregister",
)

agentos = CommandGroup(
    "agentos",
    modules={name: f"{__name__}.{name}" for name in COMMANDS},
    help="Serve, register, run and look after AI agents.",
    epilog="Settings come from environment variables, .env and agentos.toml; 'agentos config' shows them.",
)

__all__ = ["agentos"]
