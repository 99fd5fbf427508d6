"""Renders docs/reference/ from what the program knows of itself.

``python docs/generate.py`` writes the pages; with ``--check`` it exits with 1 and names those that are stale.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args

import audit_lines
import click
import log_lines
import public_names

from agentos import hookspecs, registrations
from agentos.api.kit.errors import CAUSE_STATUS, CODE_STATUS
from agentos.cli import COMMANDS
from agentos.cli import agentos as cli
from agentos.cli.opening import load_plugins
from agentos.config import Config
from agentos.domain import event
from agentos.errors import AgentOSError, ExecutionError, RequestError
from agentos.provider_settings import OPTIONS
from agentos.setting_kinds import SIZE
from agentos.settings import Setting, settings_of

LONGEST_LINE = 120
REFERENCE = Path(__file__).parent / "reference"
EXAMPLES = REFERENCE / "examples"
"""A plugin for each hook, which tests/plugins/test_hook_examples.py tries."""
NOTE = "<!-- Rendered by docs/generate.py; change the code that it names, then run `make docs`. -->\n\n"


def settings() -> str:
    """One row a setting: ours from :mod:`agentos.config`, and those of the plugins in ``plugins/``."""
    rows = [
        "# Settings",
        "",
        "A value given to `Config(...)` is stronger than the environment, which is stronger than the file"
        " `agentos.toml` (or the one that `AGENTOS_CONFIG` names; keys are the names below), which is stronger than the"
        " default. An empty variable counts as not set. A secret may be in a file, which"
        " the variable with `_FILE` behind its name names: `OPENAI_API_KEY_FILE=/run/secrets/openai`."
        " `agentos config` shows each value and its source.",
        "",
        "The file `.env` in the working directory adds variables to the environment, of any name, plugins' too; the"
        " environment is stronger. `FLASK_SKIP_DOTENV=1` turns it off, as our Dockerfile does. A line is `NAME=value`,"
        " `NAME='value'` or `NAME=\"value\"`, with `export` before it if you like; `#` begins a comment. Double quotes"
        ' know `\\n`, `\\r`, `\\t`, `\\"`, `\\\\` and `\\$`. Nothing is substituted.',
        "",
        *_table(settings_of(Config)),
    ]
    rows += [
        "",
        "## Providers",
        "",
        "`providers` has a table for each provider, `[providers.NAME]`, with these options. An agent's model is then"
        " `NAME:model`. See [several providers](../how-to/providers.md).",
        "",
        "| option | accepts | meaning |",
        "|---|---|---|",
    ]
    rows += [f"| `{name}` | {option.accepts} | {option.help} |" for name, option in OPTIONS.items()]
    rows += [
        "",
        "## Settings of plugins",
        "",
        "Those of the plugins that `make install` installs; `agentos config` shows those of every loaded plugin."
        ' In code they are given as `Config(plugin_settings={"http_timeout": 5})`; everything else is as above. See'
        " [give a plugin settings](../how-to/plugin-settings.md).",
    ]
    for plugin, own in _settings_of_plugins().items():
        rows += ["", f"### {plugin}", "", *_table(own)]
    return "\n".join(rows) + "\n"


def _table(settings: Iterable[Setting]) -> list[str]:
    rows = ["| name | variable | default | accepts | meaning |", "|---|---|---|---|---|"]
    for one in settings:
        variables = ", ".join(f"`{name}`" for name in (*one.env, *one.file_env))
        rows.append(f"| `{one.name}` | {variables} | {_default(one)} | {one.kind.accepts} | {one.help} |")
    return rows


def _settings_of_plugins() -> dict[str, list[Setting]]:
    """Return the settings of each plugin of this repository; others that happen to be installed are not asked."""
    own = {
        entry_point.split("=")[0].strip()
        for file in sorted(REFERENCE.parents[1].glob("plugins/*/setup.cfg"))
        for entry_point in _setup(file)["options.entry_points"]["agentos"].split("\n")
        if entry_point
    }
    config, _ = load_plugins(Config(plugins=sorted(own), plugins_strict=True, environ={}, file=os.devnull))
    found: dict[str, list[Setting]] = {}
    for one in config.settings:
        if one.plugin is not None:
            found.setdefault(one.plugin, []).append(one)
    return dict(sorted(found.items()))


def _setup(file: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(file, "utf-8")
    return parser


def _default(setting: Setting) -> str:
    if setting.default is None:
        return "not set"
    if setting.default == "":
        return "none"
    if isinstance(setting.default, tuple):
        return ", ".join(f"`{item}`" for item in setting.default) or "none"
    if isinstance(setting.default, bool):
        return f"`{setting.default:d}`"
    if setting.kind is SIZE:
        mebibytes, rest = divmod(setting.default, 1024**2)
        return f"`{setting.default // 1024} KiB`" if rest else f"`{mebibytes} MiB`"
    return f"`{setting.default:g}`" if isinstance(setting.default, float) else f"`{setting.default}`"


def hooks() -> str:
    """One section a hook, with its exact signature, from :mod:`agentos.hookspecs`."""
    parts = ["# Hooks", "", _doc(hookspecs), ""]
    for name, function in vars(hookspecs).items():
        if hasattr(function, "agentos_spec"):
            parts += _section(name, f"def {name}{_signature(function)}: ...", _doc(function))
            parts += ["```python", (EXAMPLES / f"{name}.py").read_text("utf-8").rstrip(), "```", ""]
    parts += ["# What `register` accepts", ""]
    for name, protocol in vars(registrations).items():
        if name.startswith("Register"):
            call = str(_signature(protocol.__call__)).replace("(self, ", "(")
            parts += _section(name, f"def register{call}: ...", _doc(protocol))
    return "\n".join(parts).rstrip() + "\n"


def _section(name: str, signature: str, text: str) -> list[str]:
    if len(signature) > LONGEST_LINE:  # as the formatter breaks it
        begin, _, rest = signature.partition("(")
        parameters, _, end = rest.rpartition(") ->")
        signature = f"{begin}(\n    {parameters}\n) ->{end}"
    return [f"## {name}", "", "```python", signature, "```", "", text, ""]


def _signature(function: object) -> str:
    return str(inspect.signature(function)).replace("'", "")  # type: ignore[arg-type]


def events() -> str:
    """One section an event, from the dataclasses of :mod:`agentos.domain.event`."""
    parts = ["# Events", "", "Every `data:` line of a stream is this envelope; `data` in it depends on the type.", ""]
    parts += ["```json"]
    parts += ['{"type":"token","timestamp":"…","run_id":"…","agent_id":"…","session_id":"…","data":{…}}', "```", ""]
    for kind in get_args(event.RunEvent):
        parts += [f"## {kind.type}", "", _doc(kind), "", "| field | type | |", "|---|---|---|"]
        for field in fields(kind):
            optional = field.default in (None, ()) or field.default_factory is not MISSING
            shown = str(field.type).replace("|", "or")
            name = field.metadata.get("shown", field.name)
            parts.append(f"| `{name}` | `{shown}` | {'may be absent' if optional else ''} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def errors() -> str:
    """One row an error class, from :mod:`agentos.errors` and the statuses of :mod:`agentos.api.kit.errors`."""
    parts = [
        "# Errors",
        "",
        "Every answer that is not 2xx is a JSON object: `error` (a phrase that is the same for every occurrence),"
        " `message` (what was given, what is accepted), `code`, `request_id`, and sometimes `details`.",
        "",
        "| code | status | error | when |",
        "|---|---|---|---|",
    ]
    for kind in _tree(AgentOSError):
        if (
            kind.code in CODE_STATUS
            and kind not in (AgentOSError, RequestError)
            and not issubclass(kind, ExecutionError)
        ):
            parts.append(f"| `{kind.code}` | {CODE_STATUS[kind.code]} | {kind.phrase} | {_first(kind)} |")
    parts += ["", "## EXECUTION_ERROR", "", _doc(ExecutionError), ""]
    parts += ["| `details.cause` | status | `details.retryable` | when |", "|---|---|---|---|"]
    for kind in _tree(ExecutionError):
        if kind is not ExecutionError:
            retryable = "true" if kind.retryable else "false"
            parts.append(f"| `{kind.cause}` | {CAUSE_STATUS[kind.cause]} | {retryable} | {_first(kind)} |")
    return "\n".join(parts) + "\n"


def _tree(kind: type) -> Iterator[type]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def commands() -> str:
    """One section a command, from the click tree of :mod:`agentos.cli`."""
    parts = [
        "# Commands",
        "",
        "`agentos` and `flask agentos` are the same. `--app` stands before a command, or behind one that works on"
        " agents.",
        "",
    ]
    for path, command in _commands(cli, "agentos"):
        context = click.Context(command, info_name=path)
        context.terminal_width = context.max_content_width = 100
        parts += [f"## {path}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(parts).rstrip() + "\n"


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    # Plugins add commands of their own; this is the reference of what AgentOS itself brings.
    for name in COMMANDS if group is cli else sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def _doc(thing: object) -> str:
    text = inspect.getdoc(thing) or ""
    for role in (":class:", ":mod:", ":meth:", ":func:", ":data:", ":attr:", ":exc:"):
        text = text.replace(role, "")
    return text.replace("``", "`").replace("`~", "`")


def _first(thing: object) -> str:
    return _doc(thing).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def api() -> str:
    """One section a public name, from the modules that plugins import."""
    return public_names.render(_doc)


def log() -> str:
    """Render the fields and actions of the audit log, then one row a line."""
    audit = audit_lines.audited()
    parts = [
        "# Log",
        "",
        "Every line that the server and its plugins write. [How to read them](../how-to/logs.md) has the forms and the"
        " settings. A sign … in a message stands for what is put there. Each line has `time`, `level`, `logger` and"
        " `message`, then its fields; a field without a value is left out or null, and a traceback is `exception`."
        " `repeated` is how many lines of the same kind were left out since the line before: of these, one is written"
        " every five seconds at most.",
        "",
        "## The audit log",
        "",
        "Logger `agentos.audit`, level info, written at every `AGENTOS_LOG_LEVEL`. There is one line for each of these"
        " operations, also where it is refused or fails.",
        "",
        "| action | through |",
        "|---|---|",
        *(f"| `{action}` | {', '.join(ways)} |" for action, ways in sorted(audit.items())),
        "",
        "| field | what |",
        "|---|---|",
        *(f"| `{name}` | {what} |" for name, what in audit_lines.FIELDS.items()),
        "",
        "## All lines",
        "",
        *log_lines.render(),
    ]
    return "\n".join(parts).rstrip() + "\n"


PAGES = {
    "settings": settings,
    "hooks": hooks,
    "api": api,
    "events": events,
    "errors": errors,
    "commands": commands,
    "logging": log,
}


def main() -> int:
    """Write the pages, or compare them."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, render in PAGES.items():
        page, text = REFERENCE / f"{name}.md", NOTE + render()
        if check and (not page.exists() or page.read_text("utf-8") != text):
            stale.append(page.name)
        elif not check:
            page.write_text(text, "utf-8")
    if stale:
        print(f"stale: {', '.join(stale)}; run 'make docs'", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
