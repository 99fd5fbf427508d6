"""The hook that begins traces: who is asked, and what a plugin that is broken does to requests."""

from types import SimpleNamespace
from typing import Any

from agentos import FinishedRequest, Run, RunRequest, TraceContext, hookimpl

TRACE = TraceContext(trace_id="a" * 32, span_id="b" * 16)


class Watch:
    def __init__(self) -> None:
        self.requests: list[FinishedRequest] = []
        self.runs: list[Run] = []

    @hookimpl
    def request_finished(self, request: FinishedRequest) -> None:
        self.requests.append(request)

    @hookimpl
    def run_finished(self, run: Run) -> None:
        self.runs.append(run)


def begins(trace: Any) -> Any:
    """Return a plugin that begins a trace, or raises."""

    def begin_trace(parent: TraceContext | None) -> Any:
        if isinstance(trace, Exception):
            raise trace
        return trace

    return SimpleNamespace(begin_trace=hookimpl(begin_trace))


def test_without_a_plugin_there_is_no_trace(serve) -> None:
    watch = Watch()
    served = serve("Hello", plugins={"watch": watch})
    served.client.get("/health", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    served.run("Hi")
    assert [request.trace for request in watch.requests] == [None, None]
    assert [run.trace for run in watch.runs] == [None]


def test_the_first_span_counts_and_a_broken_plugin_makes_none(serve, caplog) -> None:
    watch = Watch()
    plugins = {"a": begins(ValueError("broken")), "b": begins("no trace"), "c": begins(TRACE), "watch": watch}
    served = serve("Hello", plugins=plugins)
    assert served.run("Hi").status_code == 200
    assert watch.requests[-1].trace == TRACE
    assert watch.runs[-1].trace == TRACE.child("run", watch.runs[-1].id)
    assert [record.plugin for record in caplog.records if record.message == "no trace begins"] == ["a"]


def test_the_run_of_a_plugin_is_a_trace_of_its_own(serve) -> None:
    watch = Watch()
    served = serve("Hello", plugins={"c": begins(TRACE), "watch": watch})
    caller = served.services.server.principal("digest")
    served.services.server.runs.start(RunRequest(caller=caller, agent_id="scripted", input="Hi")).wait(30)
    served.services.close()
    (run,) = watch.runs
    assert (run.trace.trace_id, run.trace.parent_id) == (TRACE.trace_id, None)
