"""The program that runs the suites, with suites of a test's own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conformance.catalogue import read, suites
from conformance.results import Result, counted, summary
from parts.virtual_environments import Unavailable, kept

ROOT = Path(__file__).parents[2]


def _conformance(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": "tests", **(env or {})},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _suite(root: Path, name: str, ini: str = "[suite]\n", requirements: str = "") -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "suite.ini").write_text(ini, "utf-8")
    (folder / "requirements.txt").write_text(requirements, "utf-8")
    return folder


def test_an_unknown_suite_is_refused_with_those_that_are_known() -> None:
    done = _conformance("none")
    assert done.returncode == 2
    assert "no such suite: none; there are" in done.stderr
    assert "openai" in done.stderr


def test_what_cannot_be_installed_is_skipped_with_the_reason(tmp_path: Path) -> None:
    _suite(tmp_path / "suites", "lost", requirements="./no-such-directory\n")
    done = _conformance("--suites-folder", str(tmp_path / "suites"), env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    assert "skipped: could not be installed: " in done.stdout
    assert done.stdout.splitlines()[-1] == "0 passed, 0 failed, 0 skipped"


def _index(folder: Path) -> Path:
    """Make a folder where pip finds the package by which the runner sees whether there is an index."""
    folder.mkdir()
    name = "iniconfig-9.0.dist-info"
    with zipfile.ZipFile(folder / "iniconfig-9.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/METADATA", "Metadata-Version: 2.1\nName: iniconfig\nVersion: 9.0\n")
        wheel.writestr(f"{name}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}/RECORD", "")
    return folder


@pytest.mark.parametrize(("index", "word", "exit_code"), [(True, "FAILED", 1), (False, "skipped", 0)])
def test_in_ci_what_cannot_be_installed_fails_where_there_is_an_index(
    tmp_path: Path, index: bool, word: str, exit_code: int
) -> None:
    _suite(tmp_path / "suites", "lost", requirements="./no-such-directory\n")
    packages = _index(tmp_path / "index") if index else tmp_path
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packages)}
    env = {"CI": "true", "XDG_CACHE_HOME": str(tmp_path / "cache"), **pip}
    done = _conformance("--suites-folder", str(tmp_path / "suites"), env=env)
    assert f"{word}: could not be installed: " in done.stdout
    assert done.returncode == exit_code


def test_what_the_server_lacks_makes_a_suite_skipped(tmp_path: Path) -> None:
    _suite(tmp_path, "model", "[suite]\nneeds = no_such_model\n")
    done = _conformance("--suites-folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "skipped: the server has no no_such_model" in done.stdout


def test_all_suites_can_be_read_and_have_tests_and_a_lock_with_hashes() -> None:
    found = suites()
    assert "openai" in found
    for suite in found.values():
        assert any(suite.sources.rglob("*.test.mjs" if suite.is_node else "test_*.py")), suite.name
        lock = (suite.environment / "requirements.txt").read_text("utf-8")
        assert lock.count("==") > 0, suite.name
        assert lock.count("--hash=sha256:") >= lock.count("=="), suite.name
        assert not suite.agents or (ROOT / f"tests/conformance/agents/{suite.agents}.py").is_file(), suite.name


def test_a_suite_says_what_differs_from_the_default(tmp_path: Path) -> None:
    folder = _suite(tmp_path, "small", "[suite]\nlimit = 5\nplugins = a b\n[env]\nAGENTOS_MODEL = m\n")
    suite = read(folder / "suite.ini")
    assert (suite.limit, suite.plugins, suite.env) == (5.0, ("a", "b"), {"AGENTOS_MODEL": "m"})
    (folder / "suite.ini").write_text("[suite]\nlimits = 5\n", "utf-8")
    with pytest.raises(ValueError, match="limits is not known; known are agents, environment"):
        read(folder / "suite.ini")


def test_a_suite_can_be_the_tests_of_a_package_of_ours(tmp_path: Path) -> None:
    folder = _suite(tmp_path, "small", "[suite]\nenvironment = other\nsources = clients/typescript\n")
    suite = read(folder / "suite.ini")
    assert suite.is_node
    assert suite.packages == suite.sources == ROOT / "clients/typescript"
    assert suite.environment == tmp_path / "other"


XML = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure>no</failure></testcase>
<testsuite><testcase name="c"><skipped/></testcase><testcase name="d"/></testsuite></testsuite></testsuites>"""


def test_results_are_counted_as_pytest_and_node_write_them(tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    file.write_text(XML, "utf-8")
    result = counted("npm", file, exit_code=1, seconds=2.0)
    assert (result.passed, result.failed, result.skipped, result.is_failure) == (2, 1, 1, True)


@pytest.mark.parametrize(
    ("xml", "exit_code", "reason"),
    [("", 0, "has no tests"), ("<testsuites/>", 5, "ended with exit code 5"), ("", -9, "ended with exit code -9")],
)
def test_a_suite_without_results_is_a_failure(tmp_path: Path, xml: str, exit_code: int, reason: str) -> None:
    file = tmp_path / "results.xml"
    file.write_text(xml, "utf-8")
    result = counted("empty", file, exit_code=exit_code, seconds=0.0)
    assert (result.is_failure, result.reason) == (True, reason)
    assert summary([result]).splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_the_summary_has_a_line_for_each_suite() -> None:
    results = [Result(name="openai", passed=3, seconds=1.25), Result(name="npm", reason="no network")]
    first, second = summary(results).splitlines()[1:3]
    assert first.split() == ["openai", "3", "0", "0", "1.2"]
    assert second.endswith("skipped: no network")


def test_an_environment_is_filled_once_for_the_same_files(tmp_path: Path) -> None:
    file = tmp_path / "packages"
    file.write_text("a==1", "utf-8")
    filled: list[Path] = []

    def fill(place: Path) -> None:
        place.mkdir()
        filled.append(place)

    first, again = (kept(tmp_path / "cache", "client", [file], fill) for _ in range(2))
    file.write_text("a==2", "utf-8")
    other = kept(tmp_path / "cache", "client", [file], fill)
    assert first == again != other
    assert filled == [first, other]


def test_an_environment_that_could_not_be_filled_is_filled_again(tmp_path: Path) -> None:
    file = tmp_path / "packages"
    file.write_text("a==1", "utf-8")

    def fail(place: Path) -> None:
        place.mkdir()
        raise Unavailable("no network")

    with pytest.raises(Unavailable):
        kept(tmp_path / "cache", "client", [file], fail)
    place = kept(tmp_path / "cache", "client", [file], lambda _: None)
    assert (place / "complete").exists()
