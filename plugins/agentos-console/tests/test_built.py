"""What is built and committed: fresh, small, complete, and asking no other host."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from agentos_console.assets import FOLDER, read_asset, read_manifest
from agentos_console.page import render_page

PLUGIN = Path(__file__).parents[1]
WEB = PLUGIN / "web"
CLIENT = PLUGIN.parents[1] / "clients/typescript/src"

FIRST_VIEW = 100_000
"""Bytes of Brotli that a first visit may load."""

NOT_ASKED = (
    "http://www.w3.org/",  # namespaces
    "https://github.com/highlightjs/highlight.js/",  # what warnings in the browser's log point to
    "https://github.com/markedjs/marked",
)
"""What looks like addresses, and is only text."""


def sources(web: Path, client: Path) -> Iterator[tuple[str, Path]]:
    """Yield what the build depends on, as ``web/build.mjs`` names it."""
    for name in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json"):
        yield f"web/{name}", web / name
    for folder, prefix in ((web / "src", "web/src"), (client, "client")):
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "schema.ts":  # that one has types alone
                yield f"{prefix}/{path.relative_to(folder).as_posix()}", path


def digest(web: Path = WEB, client: Path = CLIENT) -> str:
    whole = hashlib.sha256()
    for name, path in sorted(sources(web, client), key=lambda one: one[0].encode("utf-16-be")):
        whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def test_it_was_built_from_these_sources() -> None:
    assert read_manifest().sources == digest(), (
        "the sources of the console changed: cd plugins/agentos-console/web && npm ci && npm run build, and commit"
        " agentos_console/static"
    )


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(WEB, tmp_path / "web", ignore=shutil.ignore_patterns("node_modules"))
    assert digest(tmp_path / "web") == digest()
    with (tmp_path / "web/src/styles/design.css").open("a") as sheet:
        sheet.write("\n")
    assert digest(tmp_path / "web") != digest()


def test_the_first_view_is_small() -> None:
    manifest = read_manifest()
    first = [manifest.script, manifest.style, manifest.theme, manifest.icon, *manifest.preload]
    page = len(render_page(title="AgentOS", base="", assets="/console/assets", theme=None))
    assert page + sum((FOLDER / f"{name}.br").stat().st_size for name in first) <= FIRST_VIEW


def test_what_is_fetched_first_is_all_that_the_chat_needs() -> None:
    """A chunk that is imported by what is preloaded, and is not preloaded itself, costs another turn."""
    manifest = read_manifest()
    first = {manifest.script, *manifest.preload}
    for name in first:
        text = (FOLDER / name).read_text()
        static = {*re.findall(r'(?:from|import)"\./([^"]+)"', text)}
        assert static <= first


def test_the_files_are_those_of_the_manifest_each_with_what_is_compressed() -> None:
    files = read_manifest().files
    expected = {f"{name}{suffix}" for name in files for suffix in ("", ".br", ".gz")}
    expected |= {"manifest.json", "licenses.txt"}
    assert {path.name for path in FOLDER.iterdir()} == expected
    for name, size in files.items():
        assert (FOLDER / name).stat().st_size == size["bytes"]
        assert (FOLDER / f"{name}.br").stat().st_size == size["brotli"]
        assert re.fullmatch(r"[\w-]+-[A-Z0-9]{8}\.(?:js|css|svg)", name)


def test_the_licences_of_what_is_in_it_go_with_it() -> None:
    text = (FOLDER / "licenses.txt").read_text()
    for name, version in json.loads((WEB / "package.json").read_text())["dependencies"].items():
        assert f"{name} {version} (" in text
    assert text.count("Permission is hereby granted") >= 4
    assert "Mozilla Public License" in text or "Apache License" in text


@pytest.mark.parametrize("name", read_manifest().files)
def test_it_asks_no_other_host_and_runs_no_text(name: str) -> None:
    text = (FOLDER / name).read_text()
    found = re.findall(r"""(?:https?:)?//[a-z0-9-]+(?:\.[a-z0-9-]+)+[^\s"'`<>)]*""", text)
    assert [one for one in found if not one.startswith(NOT_ASKED)] == []
    assert not re.search(r"\beval\(|new Function\(|document\.write|sourceMappingURL", text)


def test_the_wheel_has_what_was_built_and_no_sources(tmp_path: Path) -> None:
    shutil.copytree(PLUGIN, tmp_path / "plugin", ignore=shutil.ignore_patterns("web", "build", "*.egg-info", "tests"))
    # Not from the copy alone: what lies beside the package must not get in either.
    (tmp_path / "plugin/web/src").mkdir(parents=True)
    (tmp_path / "plugin/web/src/main.tsx").write_text("")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    subprocess.run([*command, "--wheel-dir", tmp_path / "dist", tmp_path / "plugin"], check=True, env=environment)
    (wheel,) = (tmp_path / "dist").iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    static = {name.removeprefix("agentos_console/static/") for name in names if "/static/" in name}
    assert static == {path.name for path in FOLDER.iterdir()}
    assert not [name for name in names if "web" in name or name.endswith((".ts", ".tsx"))]


def test_a_worker_keeps_no_file_in_memory() -> None:
    read_manifest()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for name in read_manifest().files:
            assert read_asset(name, "br")
            assert read_asset(name, None)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 64_000
