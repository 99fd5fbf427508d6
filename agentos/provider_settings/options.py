"""The options of a provider in the settings: what each accepts, and the setting that holds them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from agentos.domain.headers import HEADER_NAME, HEADER_VALUE, is_own_header
from agentos.domain.secret_names import is_secret_name, plain_name
from agentos.provider_settings.value import ProviderSettings
from agentos.setting_kinds import Kind, Refusal, seconds

PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
# No user name, query or fragment: a secret would stand in an address, which is shown.
URL = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:/[^\s?#@\\]*)?", re.ASCII | re.IGNORECASE
)
MAX_PROVIDERS = 100
MAX_MODELS = 1000


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a provider. ``parse`` raises ``ValueError`` or ``TypeError`` for what is not accepted."""

    accepts: str
    help: str
    parse: Callable[[Any], Any]
    secret: bool = False
    """Its value may hold a secret: a refusal does not show it."""


def _url(value: Any) -> str:
    found = URL.fullmatch(value.strip())
    if found is None or int(found[1] or 0) > 65535:
        raise ValueError(value)
    return str(found[0].rstrip("/"))


def _api(value: Any) -> str:
    if value not in ("chat_completions", "messages"):
        raise ValueError(value)
    return str(value)


def _variable(value: Any) -> str:
    if not VARIABLE.fullmatch(value):
        raise ValueError(value)
    return str(value)


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(value)
    for text in value.values():
        if not HEADER_VALUE.fullmatch(text) or not Template(text).is_valid():
            raise ValueError(text)
    return dict(value)


def _headers(value: Any) -> dict[str, str]:
    headers = _texts(value)
    names = [name.lower() for name in headers]
    if not all(map(HEADER_NAME.fullmatch, names)) or len(set(names)) < len(names) or any(map(is_own_header, names)):
        raise ValueError(names)
    return headers


def _dialect(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(one, str | bool | int) for one in value.values()):
        raise TypeError(value)
    return dict(value)


def _models(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or len(value) > MAX_MODELS or not all(re.fullmatch(r"\S{1,200}", name) for name in value):
        raise ValueError(value)
    return tuple(dict.fromkeys(value))


_SECONDS = seconds(0.1, 3600)

OPTIONS: dict[str, Option] = {
    "base_url": Option(
        "http(s)://host[:port][/path], without user name, query and fragment",
        "Address of the server; `/chat/completions` is added to it, or `/v1/messages`. Required.",
        _url,
        secret=True,
    ),
    "key_variable": Option(
        "the name of an environment variable",
        "The variable that holds the key. It is sent as `Authorization: Bearer KEY`, and to servers of the Messages API"
        " as `x-api-key`, too. Absent: no key.",
        _variable,
        secret=True,
    ),
    "headers": Option(
        "a table of header names and texts; $NAME is the value of an environment variable and $$ a dollar sign."
        " Headers of the connection, such as Host and Content-Length, are not accepted",
        "Headers that go with every request, secret ones too.",
        _headers,
        secret=True,
    ),
    "query": Option(
        "a table of names and texts; $NAME is the value of an environment variable and $$ a dollar sign",
        "Query parameters of every request, such as Azure's `api-version`.",
        _texts,
        secret=True,
    ),
    "token_timeout": Option(
        _SECONDS.accepts,
        "Longest silence of this server's models between two pieces. Absent: as the setting `token_timeout` says.",
        _SECONDS.parse,
    ),
    "api": Option(
        "chat_completions or messages",
        "What the server speaks: OpenAI's Chat Completions (the default), or Anthropic's Messages API.",
        _api,
    ),
    "dialect": Option(
        "a table of names and texts, numbers, true or false",
        "What this server needs in another form than others. Absent: what is known of the host in `base_url`.",
        _dialect,
    ),
    "models": Option(
        f"a list of at most {MAX_MODELS} names of models, without the prefix",
        "Models that `flask agentos models` and `GET /api/v1/models` list. Agents may name others too.",
        _models,
    ),
}


def parse_providers(value: Any) -> tuple[ProviderSettings, ...]:
    """Return the providers that a text, a table or a list of :class:`ProviderSettings` names, by prefix.

    Raises :class:`~agentos.settings.Refusal` naming the provider and the option.
    """
    if isinstance(value, list | tuple) and all(isinstance(one, ProviderSettings) for one in value):
        return tuple(value)
    tables = _tables(value) if isinstance(value, str) else value
    if not isinstance(tables, Mapping) or len(tables) > MAX_PROVIDERS:
        raise Refusal(f"it names no providers; accepted: {PROVIDERS.accepts}")
    return tuple(_provider(prefix, tables[prefix]) for prefix in sorted(tables))


def _tables(text: str) -> dict[str, dict[str, str]]:
    """Return the tables that a text like ``groq=https://… key=GROQ_API_KEY, other=http://…`` stands for."""
    tables: dict[str, dict[str, str]] = {}
    for number, part in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
        first, *others = part.split()
        prefix, separator, base_url = first.partition("=")
        if not separator or not PREFIX.fullmatch(prefix):
            raise Refusal(f"provider {number} is not named; accepted: {PROVIDERS.accepts}")
        if prefix in tables:
            raise Refusal(f"provider {prefix!r} is named twice; accepted is each name once")
        tables[prefix] = {"base_url": base_url}
        for other in others:
            if not other.startswith("key=") or "key_variable" in tables[prefix]:
                raise Refusal(
                    f"provider {prefix!r} has more than an address and one key=VARIABLE; its other options belong into"
                    f" the table [providers.{prefix}] of the configuration file"
                )
            tables[prefix]["key_variable"] = other.removeprefix("key=")
    return tables


def _provider(prefix: Any, table: Any) -> ProviderSettings:
    if not isinstance(prefix, str) or not PREFIX.fullmatch(prefix):
        raise Refusal(
            f"{prefix!r:.80} is not accepted as the name of a provider: give 1 to 64 letters, digits, '.', '_' and '-',"
            " the first a letter or digit"
        )
    if not isinstance(table, Mapping):
        raise Refusal(f"provider {prefix!r} is no table; accepted is one with the options {', '.join(OPTIONS)}")
    for name in table:
        if name not in OPTIONS:
            advice = "; give the name of the variable that holds the key as key_variable" if _is_key(name) else ""
            raise Refusal(
                f"provider {prefix!r} has the unknown option {name!r:.80}; known are {', '.join(OPTIONS)}{advice}"
            )
    if "base_url" not in table:
        raise Refusal(f"provider {prefix!r} has no option 'base_url'; accepted: {OPTIONS['base_url'].accepts}")
    settings = ProviderSettings(prefix=prefix, **{name: _parsed(prefix, name, table[name]) for name in table})
    if settings.key_variable is not None and any(name.lower() == "authorization" for name in settings.headers):
        raise Refusal(
            f"provider {prefix!r} has both 'key_variable' and a header 'Authorization', which is the same; give one"
        )
    return settings


def _parsed(prefix: str, name: str, value: Any) -> Any:
    option = OPTIONS[name]
    try:
        return option.parse(value)
    except (ValueError, TypeError, AttributeError) as error:
        shown = "" if option.secret else f" {value!r:.80}"
        words = f"provider {prefix!r} has the option {name!r}{shown}, which is not accepted; accepted: {option.accepts}"
        raise Refusal(words) from error


def _is_key(name: object) -> bool:
    return isinstance(name, str) and (is_secret_name(name) or plain_name(name).endswith("env"))


PROVIDERS = Kind(
    "in a file, tables [providers.NAME]; in the variable, NAME=URL key=VARIABLE, separated by commas", parse_providers
)
