"""The plugins that may change or deny a call to a model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentos.domain.denied import Denied
from agentos.domain.message import Message
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import ContentFiltered, ExecutionError, RunTimeout
from agentos.models.request import ModelRequest
from agentos.plugins.decisions import log_denial, log_undecided
from agentos.plugins.hook_call import HookCall
from agentos.runtime.context import RunContext

UNDECIDED = "it could not be found out whether the call to the model is allowed"


@dataclass(frozen=True, slots=True)
class BeforeModelCall:
    """Asks the plugins in the order of their names; each is given the request that the one before it returned.

    Each is called in a thread of its own, and left behind there when the run has to stop.
    """

    calls: Sequence[HookCall]

    def __call__(self, request: ModelRequest, context: RunContext) -> ModelRequest:
        """Return the request to make. Raises the error of a denial, and the cause when the run has to stop.

        A denial is :class:`~agentos.errors.ContentFiltered` with its reason, or its own error if that is an
        :class:`~agentos.errors.ExecutionError`. A plugin that raises, or returns what cannot be used, denies.
        """
        for call in self.calls:
            said = self._ask(call, request, context)
            if isinstance(said, ModelRequest):
                request = said
            elif said is not None:
                raise said.error if isinstance(said.error, ExecutionError) else ContentFiltered(said.reason)
        return request

    def _ask(self, call: HookCall, request: ModelRequest, context: RunContext) -> ModelRequest | Denied | None:
        about = {"run_id": context.run_id, "agent_id": context.agent_id, "request_id": context.request_id}
        try:
            said = call.within(request.deadline, request.cancellation, request=request, context=context)
            _check(said, request)
        except Exception as error:  # other people's code
            request.cancellation.check()  # the run has to stop: that is its end, however the plugin took it
            if time.monotonic() >= request.deadline:  # so has a run with no time left, before its timer says it
                raise RunTimeout(f"the run's time was over while plugin {call.plugin!r} decided") from error
            log_undecided(call, about)
            if isinstance(error, _Unusable):
                return Denied(f"{UNDECIDED}: plugin {call.plugin!r} returned {error}")
            return Denied(UNDECIDED)
        if isinstance(said, Denied):
            log_denial(call, about)
        answer: ModelRequest | Denied | None = said
        return answer


class _Unusable(TypeError):
    """A plugin returned what is no answer."""


def _check(said: Any, request: ModelRequest) -> None:
    if said is None or isinstance(said, Denied):
        return
    if not isinstance(said, ModelRequest):
        raise _Unusable(f"a {type(said).__name__}; accepted: None, Denied, or a ModelRequest")
    if said.deadline != request.deadline or said.cancellation is not request.cancellation:
        raise _Unusable(
            "a request with another deadline or cancellation; accepted: one made with"
            " dataclasses.replace(request, …) that leaves these two as they are"
        )
    for name, kind in (("messages", Message), ("tools", ToolSpec)):
        values = getattr(said, name)
        if not isinstance(values, list | tuple) or not all(isinstance(one, kind) for one in values):
            raise _Unusable(f"a request whose {name} are no list of {kind.__name__} alone")
    if not isinstance(said.model, str) or not said.model:
        raise _Unusable(f"a request for the model {said.model!r:.100}; accepted: the name of one")
