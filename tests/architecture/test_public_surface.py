"""Plugins, and the examples of the pages, import the public modules alone, and find there what they need."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import agentos
from agentos import errors, hookspecs, registrations

ROOT = Path(__file__).parents[2]
PUBLIC = ("agentos", "agentos.backends", "agentos.web", "agentos.testing")
CODE = [
    path
    for pattern in (
        "plugins/*/agentos_*/**/*.py",
        "plugins/*/tests/**/*.py",
        "testing/*/**/*.py",
        "tests/parts/third_party/**/*.py",
    )
    for path in sorted(ROOT.glob(pattern))
    if "build" not in path.parts
] + sorted((ROOT / "agentos" / "cli" / "project").glob("*.py"))
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
    ROOT / "testing" / "README.md",
]
BELOW_THE_SURFACE = {
    "docs/how-to/own-storage.md": {"agentos.storage.agents", "agentos.storage.memory.agents"},
}
"""The stores of a storage backend are not public yet: docs/explanation/compatibility.md says so."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _deep(source: str) -> Iterator[str]:
    """Yield what a program imports of ours, or reaches as ``agentos.x``, that is not public."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.startswith("agentos.") and one.name not in PUBLIC)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "agentos":
            module = str(node.module)
            if module not in PUBLIC:
                yield module
            else:
                yield from (f"{module}.{one.name}" for one in node.names if not _is_public(module, one.name))
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "agentos":
            yield from (f"agentos.{name}" for name in [node.attr] if not _is_public("agentos", name))


def _is_public(module: str, name: str) -> bool:
    return f"{module}.{name}" in PUBLIC or name in importlib.import_module(module).__all__


@pytest.mark.parametrize("path", CODE, ids=_name)
def test_plugins_import_the_public_modules_alone(path: Path) -> None:
    assert list(_deep(path.read_text("utf-8"))) == []


def test_the_examples_of_the_pages_import_the_public_modules_alone() -> None:
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for block in re.findall(r"^ *```python\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            if deep := set(_deep(block)):
                found.setdefault(_name(page), set()).update(deep)
    assert found == BELOW_THE_SURFACE


def test_a_program_that_reaches_deeper_is_found() -> None:
    source = """
import agentos.models.wire
from agentos import Config, NoSuchName
from agentos.hookspecs import hookspec
agentos.storage.memory
"""
    found = ["agentos.models.wire", "agentos.NoSuchName", "agentos.hookspecs", "agentos.storage"]
    assert sorted(_deep(source)) == sorted(found)


@pytest.mark.parametrize("module", PUBLIC)
def test_each_public_name_is_there_and_listed_once(module: str) -> None:
    loaded = importlib.import_module(module)
    assert len(loaded.__all__) == len(set(loaded.__all__))
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []
    assert set(loaded.__all__) <= set(dir(loaded))


def test_every_error_is_public() -> None:
    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert tree <= set(agentos.__all__)


def test_what_each_hook_is_given_and_returns_is_public() -> None:
    """The names in the signatures of hooks and of what ``register`` accepts are in a public module."""
    elsewhere = {"Any", "Blueprint", "Callable", "Collection", "Mapping", "None", "Sequence", "click", "str", "type"}
    elsewhere |= {"bool", "Command", "datetime"}
    public = {name for module in PUBLIC for name in importlib.import_module(module).__all__}
    named: set[str] = set()
    sources = [Path(str(module.__file__)).read_text("utf-8") for module in (hookspecs, registrations)]
    for node in [node for source in sources for node in ast.parse(source).body]:
        functions = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in functions:
            if isinstance(function, ast.FunctionDef):
                arguments = [*function.args.args, *function.args.kwonlyargs]
                hints = [one.annotation for one in arguments if one.annotation] + [function.returns]
                named |= {one.id for hint in hints if hint for one in ast.walk(hint) if isinstance(one, ast.Name)}
    assert named - elsewhere - public == set()


def test_importing_agentos_loads_no_web_framework_and_no_database() -> None:
    heavy = {"flask", "marshmallow", "sqlalchemy", "alembic", "gevent", "gunicorn", "pytest", "jsonschema", "requests"}
    code = f"import sys, agentos, agentos.testing; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
