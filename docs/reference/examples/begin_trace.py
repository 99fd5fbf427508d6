import secrets

from agentos import TraceContext, hookimpl


@hookimpl
def begin_trace(parent):
    trace_id = parent.trace_id if parent else secrets.token_hex(16)
    return TraceContext(trace_id=trace_id, span_id=secrets.token_hex(8))
