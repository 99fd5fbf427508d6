"""What is installed by name is ours: on the package index, most names that begin like ours belong to others."""

import re
import runpy
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = runpy.run_path(str(ROOT / "requirements" / "lock.py"))["own_names"]()
PROJECTS = [ROOT, ROOT / "testing", *sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))]
FILES = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
TEXTS = [
    name
    for name in FILES
    if Path(name).suffix in {".py", ".md", ".cfg", ".yaml", ".yml", ".toml", ".txt", ""} and (ROOT / name).is_file()
]
INSTALLATION = re.compile(r"pip3? install\s+([^\n`#]*)")
NAMED = re.compile(r"(?<![\w./-])agentos[\w-]*")


def _config(project: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(project / "setup.cfg", "utf-8")
    return parser


def test_no_page_links_to_what_is_not_ours() -> None:
    for name in TEXTS:
        for linked in re.findall(r"pypi\.org/project/(agentos[\w-]*)", (ROOT / name).read_text("utf-8")):
            assert linked in OURS, f"{name}: https://pypi.org/project/{linked}"


def test_every_distribution_has_a_name_that_is_ours() -> None:
    assert len(OURS) == len(PROJECTS)
    for name in OURS:
        assert name == "agentos-server" or name.startswith("agentos-server-")


def test_nothing_says_to_install_what_is_not_ours() -> None:
    installations = 0
    for name in TEXTS:
        text = (ROOT / name).read_text("utf-8")
        for installed in INSTALLATION.findall(text):
            installations += 1
            for found in NAMED.findall(installed):
                # One sentence may say what not to do.
                warned = found == "agentos" and "brings a stranger's code" in text
                assert found in OURS or warned, f"{name}: pip install {installed}"
    assert installations > 10


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_a_project_asks_for_ours_by_its_name(project: Path) -> None:
    for line in _config(project)["options"]["install_requires"].splitlines():
        if found := NAMED.match(line.strip()):
            assert found[0] in OURS, line


def test_the_projects_of_the_pages_ask_for_ours() -> None:
    projects = 0
    for page in (ROOT / "README.md", *ROOT.glob("docs/*/*.md")):
        for asked in re.findall(r"^dependencies = \[(.*)\]", page.read_text("utf-8"), re.MULTILINE):
            projects += 1
            assert asked.strip('"') in OURS, f"{page.name}: {asked}"
    assert projects > 3


@pytest.mark.parametrize(
    ("project", "package"), [(".", "agentos/"), ("testing", "agentos_testing/")], ids=["server", "testing"]
)
def test_a_wheel_has_every_module_and_nothing_else(tmp_path: Path, project: str, package: str) -> None:
    source = tmp_path / "source"
    within = "" if project == "." else f"{project}/"
    for name in FILES:
        inside = name.removeprefix(within)
        if name.startswith(within) and inside.startswith((package, "setup", "README", "LICENSE")):
            (source / inside).parent.mkdir(parents=True, exist_ok=True)
            (source / inside).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(source)], check=True, timeout=120)

    (wheel,) = tmp_path.glob("agentos_server*.whl")
    with zipfile.ZipFile(wheel) as opened:
        there = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert there == {name.removeprefix(within) for name in FILES if name.startswith(within + package)}
