"""The tests of the console's sources, which need no browser: Node runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "plugins" / "agentos-console" / "web"

NODE = shutil.which("node")
NPM = shutil.which("npm")


def _install() -> None:
    """Install what the tests need, as locked; skip where no registry answers."""
    if (WEB / "node_modules" / "jsdom").is_dir():
        return
    if NPM is None:
        pytest.skip("npm is not installed")
    command = [NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error", "--fetch-retries", "1"]
    # Node ends npm's request with a certificate error where the machine's own authorities are not asked.
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    result = subprocess.run(command, cwd=WEB, env=environment, capture_output=True, text=True, timeout=240, check=False)
    if result.returncode:
        pytest.skip(f"npm could not install the packages: {result.stderr[-300:]}")


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_the_sources_pass_their_own_tests() -> None:
    _install()
    result = subprocess.run([str(NODE), "test.mjs"], cwd=WEB, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-3000:]


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_the_types_agree() -> None:
    _install()
    command = [str(NODE), "node_modules/typescript/bin/tsc", "--noEmit"]
    result = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout[-6000:]


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_building_again_gives_what_is_committed(tmp_path: Path) -> None:
    _install()
    environment = {**os.environ, "CONSOLE_STATIC": str(tmp_path)}
    subprocess.run([str(NODE), "build.mjs"], cwd=WEB, env=environment, capture_output=True, timeout=300, check=True)
    assert _contents(tmp_path) == _contents(WEB.parent / "agentos_console" / "static")


def _contents(folder: Path) -> dict[str, bytes]:
    # Without what is compressed: that depends on the version of Node.
    found = (path for path in folder.iterdir() if path.suffix in (".js", ".css", ".svg", ".txt"))
    return {path.name: path.read_bytes() for path in found}
