from collections import Counter

from agentos import hookimpl

ends = Counter()


@hookimpl
def run_finished(run):
    ends[run.agent_id, run.error.code if run.error else run.status] += 1
