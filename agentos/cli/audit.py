"""Has each operation of a command in the audit log, with its outcome."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import click

from agentos.domain.principal import OPERATOR
from agentos.errors import AgentOSError, RequestError

DOOR = "cli"


@dataclass
class Operation:
    """What the line will say of an operation; the command adds to it what it comes to know."""

    action: str
    object: str | None
    details: dict[str, Any] = field(default_factory=dict)

    def write(self, outcome: Any, code: str | None = None) -> None:
        """Write the line."""
        from agentos.observability.audit import log_operation

        log_operation(
            self.action,
            outcome=outcome,
            object=self.object,
            by=OPERATOR.id,
            door=DOOR,
            user=_user(),
            code=code,
            details=self.details,
        )


@contextmanager
def audited(action: str, object: str | None = None, **details: Any) -> Iterator[Operation]:
    """Write one line for what is done within, also where that is refused or fails."""
    operation = Operation(action, object, details)
    try:
        yield operation
    except AgentOSError as error:
        operation.write("refused" if isinstance(error, RequestError) else "failed", error.code)
        raise
    except click.ClickException:
        operation.write("refused", "INVALID_REQUEST")
        raise
    except BaseException:
        operation.write("failed")
        raise
    operation.write("done")


def _user() -> str:
    """Return the user of the operating system, by what cannot be set in the environment."""
    with suppress(ImportError, KeyError):  # no such database, as on Windows; or no entry, as in many containers
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    return str(os.getuid()) if hasattr(os, "getuid") else ""
