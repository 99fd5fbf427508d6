"""The error tree: each class has a code, a status and its line in the docs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentos import errors
from agentos.api.kit.errors import CAUSE_STATUS, CODE_STATUS
from agentos.errors import AgentOSError, ConfigError, ExecutionError, PluginError, RequestError

ROOT = Path(__file__).parents[2]
NOT_OVER_HTTP = (ConfigError, PluginError)


def _tree(kind: type[AgentOSError]) -> Iterator[type[AgentOSError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


CLASSES = [kind for kind in _tree(AgentOSError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_error_has_its_place_in_the_drawn_tree_a_status_and_a_row_in_the_docs(kind: type[AgentOSError]) -> None:
    assert kind.__name__ in str(errors.__doc__).split()
    if issubclass(kind, NOT_OVER_HTTP) or kind in (AgentOSError, RequestError, ExecutionError):
        return
    docs = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    if issubclass(kind, ExecutionError):
        assert kind.cause in CAUSE_STATUS
        assert f"`{kind.cause}`" in docs
    else:
        assert kind.code in CODE_STATUS
        assert f"`{kind.code}`" in docs


def test_no_status_is_for_a_code_that_nobody_raises() -> None:
    assert set(CODE_STATUS) - {kind.code for kind in CLASSES} == set()
    assert set(CAUSE_STATUS) == {kind.cause for kind in CLASSES if issubclass(kind, ExecutionError)}
