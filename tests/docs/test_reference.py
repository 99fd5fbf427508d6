"""The generated reference is fresh, and complete where a newcomer would look."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import agentos
import agentos.testing
import agentos.web
from agentos import hookspecs
from agentos.config import Config
from agentos.domain.event import EVENT_TYPES
from agentos.settings import settings_of

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_every_page_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_each_hook_has_its_heading() -> None:
    page = (REFERENCE / "hooks.md").read_text("utf-8")
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "agentos_spec")]
    assert len(hooks) >= 6
    assert all(f"\n## {name}\n" in page for name in hooks)


def test_each_public_name_has_its_heading_once() -> None:
    headings = re.findall(r"^#+ (\w+)$", (REFERENCE / "api.md").read_text("utf-8"), re.MULTILINE)
    names = {name for module in (agentos, agentos.testing, agentos.web) for name in module.__all__} - {"__version__"}
    described = [heading for heading in headings if heading in names]
    assert names == set(described)
    # A class of our errors and an event may have the same name in two modules, and the fakes are in two.
    assert len(described) <= len(names) + 2


def test_each_setting_of_a_plugin_of_this_repository_has_its_row() -> None:
    page = (REFERENCE / "settings.md").read_text("utf-8")
    variables = ("AGENTOS_HTTP_DENY_HOSTS", "AGENTOS_LOCAL_API_KEY_FILE", "AGENTOS_TOOL_POLICY")
    assert all(f"`{variable}`" in page.partition("\n## Settings of plugins\n")[2] for variable in variables)


def test_each_setting_has_its_row_and_each_event_its_heading() -> None:
    settings, events = (REFERENCE / "settings.md").read_text("utf-8"), (REFERENCE / "events.md").read_text("utf-8")
    assert all(f"| `{one.name}` |" in settings for one in settings_of(Config))
    assert all(f"\n## {name}\n" in events for name in EVENT_TYPES)


def test_the_layers_of_the_architecture_page_are_those_that_are_checked() -> None:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", "utf-8")
    layers = config["importlinter:contract:layers"]["layers"].split()
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    shown = page.partition("## Who may import whom")[2].partition("\n\n    ")[2].partition("\n\n")[0]
    assert shown.split() == layers
