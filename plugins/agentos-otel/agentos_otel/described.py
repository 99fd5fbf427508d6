"""What spans and metrics say of runs and their steps."""

from __future__ import annotations

from collections.abc import Sequence

from agentos import PendingAction, Run, RunStep, Usage
from agentos_otel import names
from agentos_otel.values import Attributes


def provider_name(model: str | None) -> str | None:
    """Return the provider of a ``provider:name``."""
    return model.partition(":")[0] if model else None


def model_name(model: str | None) -> str:
    """Return the name of a ``provider:name``."""
    return (model or "").partition(":")[2] or model or "unknown"


def error_type(run: Run) -> str | None:
    """Return why a run did not complete."""
    if run.error is None:
        return None
    cause = run.error.details.get("cause")
    return cause if isinstance(cause, str) else run.error.code


def step_error(step: RunStep) -> str | None:
    """Return why a step failed, if it did."""
    if step.status != "failed":
        return None
    return step.cause or ("tool_error" if step.type == "tool_call" else "_OTHER")


def run_attributes(run: Run) -> Attributes:
    """Return what the span of a run says."""
    return {
        names.OPERATION: "invoke_agent",
        names.PROVIDER: provider_name(run.model) or "agentos",
        names.AGENT_ID: run.agent_id,
        names.AGENT_NAME: run.agent_id,
        names.AGENT_VERSION: None if run.agent_version is None else str(run.agent_version),
        names.CONVERSATION: run.session_id,
        names.REQUEST_MODEL: model_name(run.model) if run.model else None,
        names.FINISH_REASONS: None if run.finish_reason is None else (run.finish_reason,),
        names.RUN_ID: run.id,
        names.RUN_STATUS: run.status.value,
        names.RUN_ATTEMPT: run.attempt,
        names.RUN_CRASHES: run.crashes or None,
        names.PARENT_RUN_ID: run.parent_run_id,
        names.REQUEST_ID: run.request_id,
        names.ERROR_TYPE: error_type(run),
        **_usage(run.usage),
    }


def model_call_attributes(step: RunStep, run: Run) -> Attributes:
    """Return what the span of a call to a model says."""
    return {
        names.OPERATION: "chat",
        names.PROVIDER: provider_name(step.model),
        names.REQUEST_MODEL: model_name(step.model),
        names.STREAM: True,
        names.CONVERSATION: run.session_id,
        names.ATTEMPT: step.attempt,
        names.FIRST_CHUNK: step.time_to_first_token,
        names.FINISH_REASONS: None if step.finish_reason is None else (step.finish_reason,),
        names.ERROR_TYPE: step_error(step),
        **_usage(step.usage),
    }


def tool_call_attributes(step: RunStep, run: Run) -> Attributes:
    """Return what the span of a call of a tool says."""
    return {
        names.OPERATION: "execute_tool",
        names.TOOL_NAME: step.tool_name,
        names.TOOL_TYPE: "function",
        names.TOOL_CALL_ID: step.tool_call_id,
        names.AGENT_NAME: run.agent_id,
        names.CONVERSATION: run.session_id,
        names.ERROR_TYPE: step_error(step),
    }


def pauses(actions: Sequence[PendingAction]) -> list[list[PendingAction]]:
    """Return what a run waited for, by its pauses: the actions of one pause are of one turn, and one question each."""
    found: dict[tuple[int, int], list[PendingAction]] = {}
    for action in sorted(actions, key=lambda one: one.created_at):
        found.setdefault((action.turn, action.number), []).append(action)
    return list(found.values())


def pause_attributes(actions: Sequence[PendingAction]) -> Attributes:
    """Return what the span of a pause says."""
    decisions = [one.answer.decision for one in actions if one.answer is not None]
    return {
        names.PAUSE_KINDS: [one.kind.value for one in actions],
        names.PAUSE_TOOLS: [one.call.name for one in actions if one.call.name],
        names.PAUSE_DECISIONS: [decision for decision in decisions if decision is not None],
    }


def _usage(usage: Usage | None) -> Attributes:
    if usage is None:
        return {}
    return {
        names.INPUT_TOKENS: usage.prompt_tokens,
        names.OUTPUT_TOKENS: usage.completion_tokens,
        names.CACHED_TOKENS: usage.cached_tokens,
        names.REASONING_TOKENS: usage.reasoning_tokens,
    }
