"""Whether a decision that was remembered for the session counts for a call."""

from __future__ import annotations

import logging

from agentos.domain.message import ToolCall
from agentos.domain.pending import Asked
from agentos.domain.remembered import FindRemembered, RememberedDecision, RememberedScope
from agentos.errors import StorageError
from agentos.tools.action_hash import schema_hash
from agentos.tools.context import ToolContext
from agentos.tools.tool import Tool

logger = logging.getLogger(__name__)


def find_decision(
    call: ToolCall, tool: Tool, asked: Asked, context: ToolContext, find: FindRemembered
) -> RememberedDecision | None:
    """Return the decision that holds for a call which would have to wait; ``None`` where a person has to be asked.

    An approval of the run's owner does not count where another person has to approve. A rejection always counts.
    """
    if not asked.pending.remember or context.session_id is None:
        return None
    scope = RememberedScope(
        owner=context.owner,
        session_id=context.session_id,
        agent_id=context.agent_id,
        tool=call.name,
        rule=asked.rule,
        schema_hash=schema_hash(tool.spec),
    )
    about = {"tool": call.name, "rule": asked.rule, "run_id": context.run_id, "session_id": context.session_id}
    try:
        found = find(scope)
    except StorageError:
        logger.warning("remembered decisions could not be read, so a person is asked", exc_info=True, extra=about)
        return None
    if found is None:
        return None
    if found.decision == "approve" and asked.pending.approver != "owner" and found.answered_as != "other":
        return None
    logger.info(
        "a remembered decision decided about a tool call",
        extra={**about, "decision": found.decision, "remembered": found.id, "answered_by": found.answered_by},
    )
    return found
