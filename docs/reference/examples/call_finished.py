from collections import Counter

from agentos import Step, hookimpl

calls = Counter()


@hookimpl
def call_finished(run, call):
    name = call.model if isinstance(call, Step) else call.tool_name
    calls[name, call.status] += 1
