"""Every block of the pages works as it is pasted."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parts.ahead import done_ahead
from parts.model_server import ModelServer
from parts.pages import PAGES, ROOT, Block, Note, blocks_of, name_of, steps_of
from parts.reader import NOT_PASTED, Reader, free_port
from parts.server import AgentOSServer

NOT_RUN = {
    "README.md": ["sh"],
    "docs/how-to/agno.md": ["python", "sh", "sh"],
    "docs/how-to/backup.md": ["sh", "sh"],
    "docs/how-to/crewai.md": ["python"],
    "docs/how-to/docker.md": ["sh", "sh", "sh", "sh", "dockerfile"],
    "docs/how-to/guests.md": ["sh"],
    "docs/how-to/in-your-own-project.md": ["sh"],
    "docs/how-to/openai-agents.md": ["python", "python", "python"],
    "docs/how-to/postgresql.md": ["sh"],
    "docs/how-to/pydantic-ai.md": ["python", "python", "python"],
    "docs/how-to/retention.md": ["sh", "sh", "json"],
    "docs/how-to/structured-output.md": ["json"],
    "docs/how-to/typescript-client.md": ["sh"],
    "plugins/agentos-local/README.md": ["sh", "sh"],
}
"""What is not run here, page by page. The reasons are in the pages, in comments before the blocks."""


NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


def _is_pasted(page: Path) -> bool:
    return any(isinstance(step, Note) or step.language not in NOT_PASTED for step in steps_of(page))


@pytest.fixture(scope="module")
def pages(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., dict[str, str]]]:
    """Return what the pages print: to read one is mostly to wait for its servers and commands."""

    def read(page: Path) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("page")
        with ModelServer() as model, Reader(folder, {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test"}) as reader:
            return reader.read(page)

    with done_ahead(request, "test_the_blocks_of_a_page_work_as_pasted", read) as result:
        yield result


# The README is in test_readme.py, which also looks at what its commands print.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in PAGES[1:] if _is_pasted(page)], ids=name_of)
def test_the_blocks_of_a_page_work_as_pasted(page: Path, pages: Callable[..., dict[str, str]]) -> None:
    pages(page=page)


def test_blocks_that_are_not_run_say_why_and_are_listed_here() -> None:
    found = {
        name_of(page): [step.language for step in steps_of(page) if isinstance(step, Block) and step.not_run]
        for page in PAGES
    }
    assert {page: blocks for page, blocks in found.items() if blocks} == NOT_RUN


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "explanation"], ids=name_of)
def test_no_command_is_hidden_from_these_tests_by_indentation(page: Path) -> None:
    outside = re.sub(r"^( *)```.*?^\1```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    indented = re.findall(r"(?<=\n\n)    (?:export|pip|flask|python|curl|make) .*", outside)
    assert not indented, f"give these lines a fence: {indented}"


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page, "nginx")], ids=name_of)
def test_nginx_accepts_the_configuration(page: Path, tmp_path: Path) -> None:
    certificate = ROOT / "tests" / "parts" / "tls" / "server.pem"
    for block in blocks_of(page, "nginx"):
        text = re.sub(r"(ssl_certificate(?:_key)?\s+)[^;]+;", rf"\1{certificate};", block.text)
        if text.startswith("location"):  # A part of a server that the page shows before.
            text = f"upstream agentos {{ server 127.0.0.1:1; }}\nserver {{\nlisten 443 ;\n{text}}}"
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{free_port()} ")  # Its check binds the address.
        config = tmp_path / "nginx.conf"
        config.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{text}\n}}\n")
        done = subprocess.run(
            [str(NGINX), "-t", "-p", str(tmp_path), "-e", str(tmp_path / "log"), "-c", str(config)],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, f"{name_of(page)}:{block.line}\n{done.stderr}"


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_page_of_the_resume_how_to_shows_the_whole_text(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "resume-a-stream.md"
    for block in blocks_of(page, "js"):
        assert block.file, f"{name_of(page)}:{block.line} has no name in its first line"
        (tmp_path / block.file).write_text(block.text)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    with AgentOSServer({"AGENTOS_MODEL": "scripted:slow-30x0.05"}, cwd=tmp_path, workers=1, plugins="") as server:
        done = subprocess.run(
            ["node", str(ROOT / "tests" / "docs" / "browser.mjs"), server.url, str(tmp_path / "page.js")],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["text"] == "".join(f"word{number} " for number in range(30))
    assert shown["connections"] == 3
    assert "kept" not in shown
