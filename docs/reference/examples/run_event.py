from collections import Counter

from agentos import Usage, hookimpl

tokens = Counter()


@hookimpl
def run_event(run, event):
    if isinstance(event, Usage):
        tokens[run.owner] += event.prompt_tokens + event.completion_tokens
