"""The client for TypeScript, as far as it can be looked at without Node.js; ``make conformance`` runs its own tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "typescript"


def _check(openapi: Path, schema: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(CLIENT / "generate.py"),
        "--check",
        "--openapi",
        str(openapi),
        "--schema",
        str(schema),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_its_types_are_made_from_the_api_as_it_is() -> None:
    done = _check(ROOT / "openapi.yaml", CLIENT / "src" / "schema.ts")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("file", "what"), [("openapi.yaml", "it was not made from this openapi.yaml"), ("schema.ts", "it was edited")]
)
def test_a_change_of_the_api_or_of_the_types_is_noticed(tmp_path: Path, file: str, what: str) -> None:
    for source in (ROOT / "openapi.yaml", CLIENT / "src" / "schema.ts"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    with (tmp_path / file).open("a", encoding="utf-8") as changed:
        changed.write("\n")
    done = _check(tmp_path / "openapi.yaml", tmp_path / "schema.ts")
    assert done.returncode == 1
    assert what in done.stderr
    assert "make client" in done.stderr


def test_types_without_hashes_are_stale(tmp_path: Path) -> None:
    schema = tmp_path / "schema.ts"
    schema.write_text("export interface paths {}\n", "utf-8")
    assert _check(ROOT / "openapi.yaml", schema).returncode == 1


def test_its_packages_are_of_exact_versions_and_locked_with_hashes() -> None:
    package = json.loads((CLIENT / "package.json").read_text("utf-8"))
    named = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in named.values())
    lock = json.loads((CLIENT / "package-lock.json").read_text("utf-8"))["packages"]
    others = {name: entry for name, entry in lock.items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in others.values())
    assert {name: others[f"node_modules/{name}"]["version"] for name in named} == named
    # An address in a lock would send every machine to the index of one.
    assert not [name for name, entry in others.items() if "resolved" in entry]


def test_no_module_of_it_is_long() -> None:
    sources = [file for file in (CLIENT / "src").glob("*.ts") if file.name != "schema.ts"]
    assert sources
    assert {file.name for file in sources if len(file.read_text("utf-8").splitlines()) > 200} == set()
