"""The written pages: their links lead somewhere and their Python is Python."""

import ast
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from agentos.domain.agent_document import agent_from_document

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
    ROOT / "testing" / "README.md",
    ROOT / "clients" / "typescript" / "README.md",
]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_agent_of_the_structured_output_page_answers_as_it_says(tmp_path: Path) -> None:
    from agentos import Config, create_app

    page = ROOT / "docs" / "how-to" / "structured-output.md"
    document = {**yaml.safe_load(_blocks(page, "yaml")[0]), "model": "scripted:echo", "output_retries": 0}
    app = create_app(Config(database_url="memory://", plugins=()))
    try:
        client = app.test_client()
        assert client.post("/api/v1/agents", json=document).status_code == 201
        address = "/api/v1/agents/planner/run"
        assert client.post(address, json={"input": '{"city": "Rome", "days": [1]}'}).status_code == 200
        refused = client.post(address, json={"input": '{"city": "Rome", "days": [0]}'})
        assert refused.get_json()["message"] == json.loads(_blocks(page, "json")[0])["message"]
    finally:
        app.extensions["agentos"].close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_python_compiles(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        assert not anchor or anchor in _anchors(file), f"{page.name} links to {target}#{anchor}, which is not there"
    for block in _blocks(page, "python"):
        ast.parse(block)


def test_the_agent_file_of_the_how_to_is_an_agent() -> None:
    (block,) = _blocks(ROOT / "docs" / "how-to" / "several-agents.md", "yaml")
    assert agent_from_document(yaml.safe_load(block)).id == "analyst"


def test_the_providers_of_the_how_to_are_accepted(tmp_path: Path) -> None:
    from agentos import Config

    page = ROOT / "docs" / "how-to" / "providers.md"
    (block,) = _blocks(page, "toml")
    file = tmp_path / "agentos.toml"
    file.write_text(block)
    in_file = {one.prefix: one for one in Config(environ={}, file=file).providers}
    assert in_file.keys() == {"groq", "openrouter", "azure", "ollama", "gateway"}
    assert in_file["gateway"].missing_variables == ["GATEWAY_KEY", "TEAM_TOKEN"]
    (text,) = re.findall(r"AGENTOS_PROVIDERS='([^']+)'", page.read_text("utf-8"))
    in_variable = Config(environ={"AGENTOS_PROVIDERS": text}).providers
    assert [one.base_url for one in in_variable] == [in_file["groq"].base_url, in_file["ollama"].base_url]


def test_the_provider_of_the_how_to_answers(tmp_path: Path) -> None:
    from agentos import Config, create_app

    namespace: dict[str, object] = {}
    block = _blocks(ROOT / "docs" / "how-to" / "own-provider.md", "python")[0]
    exec(compile(block, "own-provider.md", "exec"), namespace)
    plugin = SimpleNamespace(register_model_providers=namespace["register_model_providers"])
    app = create_app(Config(database_url="memory://", model="shouting:x"), plugins={"shouting": plugin})
    try:
        answer = app.test_client().post("/api/v1/agents/assistant/run", json={"input": "hello you"})
        assert answer.get_json()["content"] == "HELLO YOU "
    finally:
        app.extensions["agentos"].close()


def test_the_greeter_of_the_how_to_greets() -> None:
    from agentos import AgentOS, Config

    block = _blocks(ROOT / "docs" / "how-to" / "several-agents.md", "python")[0]
    namespace: dict[str, object] = {}
    exec(compile(block.replace("Config(", "Config(database_url='memory://', "), "several-agents.md", "exec"), namespace)
    server = namespace["server"]
    assert isinstance(server, AgentOS)
    assert isinstance(server.config, Config)
    try:
        answer = server.app.test_client().post("/api/v1/agents/greeter/run", json={"input": "hi"})
        assert answer.get_json()["content"] == "Hello, you said 'hi' after 0 messages."
    finally:
        server.app.extensions["agentos"].close()


HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_a_how_to_says_first_for_whom_it_is(page: Path) -> None:
    first = page.read_text("utf-8").split("\n\n")[1]
    assert "This page is for " in first, f"{page.name} begins with {first!r}"


def test_the_readme_lists_each_how_to_once() -> None:
    index = (ROOT / "README.md").read_text("utf-8").partition("## Where to go next")[2]
    assert sorted(re.findall(r"docs/how-to/([\w-]+)\.md", index)) == [page.stem for page in HOW_TOS]
