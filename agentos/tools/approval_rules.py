"""Which approval a call needs: by its tool, its agent and the plugins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from dataclasses import replace

from agentos.domain.denied import Denied
from agentos.domain.message import ToolCall
from agentos.domain.pending import Asked, PauseRequested, Pending, strictest
from agentos.tools.approval import Approval
from agentos.tools.context import ToolContext
from agentos.tools.questions import NO_QUESTIONS_OF_HOOKS
from agentos.tools.tool import Tool

BeforeCall = Callable[[ToolCall, ToolContext], Denied | Asked | None]
"""What is asked before each tool call; ``None`` allows it."""

UNDECIDED = Denied("it could not be found out whether the call needs an approval")

logger = logging.getLogger(__name__)


def needed_approval(
    call: ToolCall, tool: Tool, context: ToolContext, *, approve: Set[str], before_call: BeforeCall | None
) -> Denied | Asked | None:
    """Ask all that may have a call approved; a denial wins, and of several approvals the strictest terms hold.

    ``approve`` are the names of tools that the agent has approved. May take as long as a plugin does. Raises the cause
    of ``context.cancellation`` where the call was given up meanwhile.
    """
    # They decide by themselves: they cannot ask a person first.
    context = replace(context, questions=NO_QUESTIONS_OF_HOOKS)
    by_plugins = None if before_call is None else before_call(call, context)
    context.cancellation.check()
    if isinstance(by_plugins, Denied):
        return by_plugins
    by_tool = None if tool.needs_approval is None else _of_tool(call, tool.needs_approval, context)
    context.cancellation.check()
    if isinstance(by_tool, Denied):
        return by_tool
    by_agent = Asked(Pending(), "agent") if tool.name in approve else None
    asked = [one for one in (by_tool, by_agent, by_plugins) if one is not None]
    return strictest(asked) if asked else None


def _of_tool(call: ToolCall, approval: Approval, context: ToolContext) -> Denied | Asked | None:
    if approval.when is True:
        return Asked(approval.pending(), "tool")
    assert callable(approval.when)
    try:
        said = approval.when(call, context)
        if said is not None and not isinstance(said, bool | str | Pending):
            raise TypeError(f"{said!r:.200} was returned; accepted: True, False, None, a text, or Pending")
        if said is None or said is False:
            return None
        own = approval.pending()
        if isinstance(said, str):
            return Asked(replace(own, message=said or own.message), "tool")
        if isinstance(said, Pending):
            terms = strictest([Asked(said, "tool"), Asked(own, "tool")]).pending
            return Asked(terms, f"tool:{said.rule}" if said.rule else "tool")
        return Asked(own, "tool")
    except (Exception, PauseRequested) as error:  # other people's code, which cannot pause a run by itself
        if error is context.cancellation.cause:
            raise
        about = {"tool": call.name, "run_id": context.run_id, "agent_id": context.agent_id}
        logger.exception("the approval of a tool failed, so its call is not made", extra=about)
        return UNDECIDED
