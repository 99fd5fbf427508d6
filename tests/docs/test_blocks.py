"""Every block of the pages works as it is pasted."""

import shutil
import subprocess
from pathlib import Path

import pytest

from parts.model_server import ModelServer
from parts.pages import PAGES, ROOT, Block, Note, blocks_of, name_of, steps_of
from parts.reader import Reader

NOT_RUN: dict[str, list[str]] = {}
"""What no test runs, page by page: the reasons are beside the blocks."""

ELSEWHERE = ("js", "nginx", "mermaid", "text")
"""Blocks that have tests of their own below, or are not for pasting."""


def _runs(page: Path) -> bool:
    return any(isinstance(step, Note) or step.language not in ELSEWHERE for step in steps_of(page))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in PAGES if _runs(page)], ids=name_of)
def test_the_blocks_of_a_page_work_as_pasted(page: Path, tmp_path: Path) -> None:
    with ModelServer() as model, Reader(tmp_path, {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test"}) as reader:
        for step in steps_of(page):
            if isinstance(step, Block) and (step.not_run or step.language in ELSEWHERE):
                continue
            try:
                reader.do(step)
            except AssertionError as error:
                line = step.line if isinstance(step, Block) else step.kind
                raise AssertionError(f"{name_of(page)}:{line} does not work as pasted:\n{error}") from None


def test_blocks_that_are_not_run_say_why_and_are_listed_here() -> None:
    found = {
        name_of(page): [step.language for step in steps_of(page) if isinstance(step, Block) and step.not_run]
        for page in PAGES
    }
    assert {page: languages for page, languages in found.items() if languages} == NOT_RUN
