"""The house stays readable: no import circles, no long modules, and the plain words of the style guide."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = sorted(path for path in (ROOT / "agentos").rglob("*.py") if "migrations" not in path.parts)
PLUGINS = sorted((ROOT / "plugins").glob("*/agentos_*/**/*.py"))

LONGEST = 300
"""Lines of a module. ``errors.py`` is one tree, ``config.py`` one table, the public names and the hooks a list each."""
LONG_BY_DECISION = {"agentos/errors.py", "agentos/config.py", "agentos/__init__.py", "agentos/hookspecs.py"}

AVOIDED = re.compile(
    r"\b(whoever|whatever|nobody|whose|(is|are|was|were|be|been) told|hears? of|hands? on|goes? on|has it that"
    r"|as it were|for its sake|somebody else|lets? go of)\b",
    re.IGNORECASE,
)
FEW = 25


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for path in CODE}


def _imports(path: Path) -> Iterator[str]:
    """Yield our modules that a file imports anywhere: for types alone and inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if (found := full if full in MODULES else str(node.module)) in MODULES:
                    yield found


def _reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    new = set(graph[start])
    while new:
        seen |= new
        new = {after for module in new for after in graph[module]} - seen
    return seen


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: set(_imports(path)) - {name} for name, path in MODULES.items()}
    # The facade gathers the public names of everything; the lazy imports below it are checked without it.
    graph["agentos"] = graph["agentos.web"] = set()
    assert [name for name in graph if name in _reachable(name, graph)] == []


def test_no_module_is_long() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in CODE + PLUGINS}
    assert {name for name, lines in lengths.items() if lines > LONGEST and name not in LONG_BY_DECISION} == set()


def _prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield comments and docstrings, each with its line."""
    source = path.read_text("utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def test_comments_and_docstrings_use_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word[0]}"
        for path in CODE + PLUGINS
        for line, text in _prose(path)
        for word in AVOIDED.finditer(text)
    ]
    assert len(found) < FEW, "\n".join(found)
