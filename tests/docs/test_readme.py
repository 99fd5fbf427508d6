"""The README's blocks, pasted one after the other, and what they print."""

import json
import re
from collections.abc import Iterator

import pytest

from parts.model_server import ModelServer
from parts.pages import ROOT
from parts.reader import Reader

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What each block of commands printed, by its text."""
    with ModelServer() as model:
        environ = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test"}
        with Reader(tmp_path_factory.mktemp("readme"), environ) as reader:
            yield reader.read(ROOT / "README.md")


def _of(printed: dict[str, str], words: str) -> str:
    """Return what the one block with these words printed."""
    (found,) = [said for block, said in printed.items() if words in block]
    return found


def test_the_first_curl_is_answered(printed: dict[str, str]) -> None:
    first = next(json.loads(said) for block, said in printed.items() if "assistant/run " in block)
    assert first["status"] == "completed"
    assert first["content"].strip()


def test_the_stream_begins_and_ends_as_it_must(printed: dict[str, str]) -> None:
    events = re.findall(r"^event: (\w+)$", _of(printed, "run/stream"), re.MULTILINE)
    assert events[0] == "run_start"
    assert events[-1] == "complete"


def test_the_command_line_registers_and_runs_an_agent(printed: dict[str, str]) -> None:
    assert "The sea" in _of(printed, "run poet")


def test_the_project_is_written(printed: dict[str, str]) -> None:
    assert "agentos serve --reload" in _of(printed, "agentos init")


def test_the_tool_is_installed_and_called(printed: dict[str, str]) -> None:
    assert 1 <= int(_of(printed, "pip install .").split()[-1]) <= 20


def test_the_agent_in_code_answers(printed: dict[str, str]) -> None:
    answer = json.loads(_of(printed, "agents/shop/run"))
    assert (answer["content"], answer["metadata"]["agent_id"]) == ("When are you open on Sunday?", "shop")
