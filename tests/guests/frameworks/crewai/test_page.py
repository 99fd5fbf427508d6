"""What `docs/how-to/crewai.md` shows, with a fake model in the place of the real one."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import say_question
from driving import ADAPTER, run
from fake_model import FakeLLM

PAGE = Path(__file__).parents[4] / "docs/how-to/crewai.md"
BLOCK = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    blocks = dict(BLOCK.findall(PAGE.read_text("utf-8")))
    assert list(blocks) == ["news", "server"]
    (tmp_path / "news.py").write_text(blocks["news"])
    yield importlib.import_module("news").crew
    del sys.modules["news"]


def test_a_crew_is_hosted_as_it_is(crew: Any) -> None:
    assert ADAPTER.accepts(crew)
    assert ADAPTER.describe(crew)["model"] == "openai:gpt-5-mini"
    for agent in crew.agents:
        agent.llm = FakeLLM(say_question)
    said = run(crew, "cats")
    assert (said.reasoning, said.text) == ("Find facts about cats.", "Write about cats.")
