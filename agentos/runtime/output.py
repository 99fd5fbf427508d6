"""Whether a final answer follows the agent's ``output_schema``, and how it is asked for again where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from agentos.domain.message import Message
from agentos.domain.text import clean, cut, shorten
from agentos.errors import ProviderError
from agentos.json_schema.validator import Validator
from agentos.json_schema.work import TooMuchWork
from agentos.models.deltas import FinishReason
from agentos.runtime.prompt import NO_ANSWER, is_blank
from agentos.tools.wording import problem_at_pointer

MAX_SIZE = 1024**2
"""Characters of an answer that is checked. Parsing holds the worker, about 10 ms for so many."""

SHOWN_AGAIN = 64 * 1024
"""Bytes of an invalid answer that the model is shown when it is asked again."""

CUT_WORDS = {
    "length": "the output limit cut it",
    "content_filter": "the provider's content filter cut it",
}


class OutputSchema:
    """An agent's ``output_schema``, compiled once for all its runs."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = Validator(schema)

    def problem(self, answer: str, reason: FinishReason | None) -> str | None:
        """Say where an answer does not follow the schema, as a JSON pointer, and what is accepted there.

        ``None`` for one that does. The answer has to be JSON and nothing else: no Markdown fence, no words around it.
        """
        problem = self._problem(answer)
        cut_by = CUT_WORDS.get(reason or "")
        return problem if problem is None or cut_by is None else f"{cut_by} ({problem})"

    def _problem(self, answer: str) -> str | None:
        if len(answer) > MAX_SIZE:
            return f"it has {len(answer)} characters; at most {MAX_SIZE} can be checked"
        if is_blank(answer):
            return "it is empty"
        try:
            value = orjson.loads(answer)
        except ValueError as error:
            fenced = answer.lstrip().startswith("```")
            what = "it stands in a Markdown fence and is no JSON by itself" if fenced else "it is no JSON"
            return f"{what}: {shorten(clean(str(error)), 200)}"
        try:
            violations = self._validator.violations(value)
        except TooMuchWork:
            return "it takes too long to check"
        except RecursionError:
            return "it is nested too deeply to check"
        return clean(problem_at_pointer(violations[0])) if violations else None


def correction(answer: str, problem: str) -> Sequence[Message]:
    """Return what is added to the request that asks again: the invalid answer, and what is wrong with it."""
    shown = cut(clean(answer), SHOWN_AGAIN)
    return (
        Message("assistant", NO_ANSWER if is_blank(shown) else shown),
        Message(
            "user",
            f"This answer does not follow the JSON schema: {problem}. Answer again, with JSON that follows the schema"
            " and nothing else: no Markdown, no words around it.",
        ),
    )


def violated(agent_id: str, problem: str) -> ProviderError:
    """Return the error that ends a run with an invalid answer."""
    return ProviderError(f"the answer does not follow the output_schema of agent {agent_id!r}: {problem}")
