"""One provider as the settings name it, and what of it may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from string import Template
from typing import Any
from urllib.parse import urlencode

from agentos.domain.secret_names import is_secret_name
from agentos.settings import read_secret

HIDDEN = "(hidden)"

_SCHEME = re.compile(r"\s*(bearer|basic|token)?\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """A server of OpenAI's Chat Completions, or of Anthropic's Messages API. Agents name it by its ``prefix``.

    ``headers`` and ``query`` are as they were written: ``$NAME`` stands for an environment variable. ``variables`` has
    the values of those that are set.
    """

    prefix: str
    base_url: str
    api: str = "chat_completions"
    key_variable: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    token_timeout: float | None = None
    dialect: Mapping[str, Any] = field(default_factory=dict, hash=False)
    models: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def with_variables(self, environment: Mapping[str, str]) -> ProviderSettings:
        """Return it with the values of its environment variables."""
        values = {name: read_secret(name, environment) for name in self._variable_names()}
        return replace(self, variables={name: value for name, value in values.items() if value is not None})

    @property
    def missing_variables(self) -> list[str]:
        """The environment variables that it names and that are not set."""
        return [name for name in self._variable_names() if name not in self.variables]

    @property
    def address(self) -> str:
        """The base URL with the query. All variables must be set; it may hold secrets."""
        return self.base_url + (f"?{urlencode(self._filled(self.query))}" if self.query else "")

    @property
    def request_headers(self) -> dict[str, str]:
        """The headers that go with every request. All variables must be set."""
        headers = self._filled(self.headers)
        if self.key_variable is not None:
            key = self.variables[self.key_variable]
            headers["Authorization"] = f"Bearer {key}"
            if self.api == "messages":
                headers.setdefault("x-api-key", key)  # many of these servers read only that
        return headers

    def secrets(self) -> Iterable[str]:
        """Yield all values that must not be shown: those of variables, and what :meth:`shown` hides."""
        yield from self.variables.values()
        for name, value in (*self.headers.items(), *self.query.items()):
            if _shown(name, value) == HIDDEN:
                yield from (value, *value.split())

    def shown(self) -> dict[str, Any]:
        """Return it as a document that has no secret in it."""
        document = {
            "prefix": self.prefix,
            "base_url": self.base_url,
            "api": None if self.api == "chat_completions" else self.api,
            "key_variable": self.key_variable,
            "headers": {name: _shown(name, value) for name, value in self.headers.items()},
            "query": {name: _shown(name, value) for name, value in self.query.items()},
            "token_timeout": self.token_timeout,
            "dialect": dict(self.dialect),
            "models": list(self.models),
            "missing_variables": self.missing_variables,
        }
        return {name: value for name, value in document.items() if value not in (None, {}, [])}

    def _variable_names(self) -> list[str]:
        texts = (*self.headers.values(), *self.query.values())
        named = [name for text in texts for name in Template(text).get_identifiers()]
        return list(dict.fromkeys(named if self.key_variable is None else [self.key_variable, *named]))

    def _filled(self, texts: Mapping[str, str]) -> dict[str, str]:
        return {name: Template(text).substitute(self.variables) for name, text in texts.items()}


def _shown(name: str, value: str) -> str:
    """Return a value as it was written, unless it stands under the name of a secret and is more than a variable."""
    literal = re.sub(r"\$(?:\w+|\{\w+\})", "", value, flags=re.ASCII)
    return HIDDEN if is_secret_name(name) and not _SCHEME.fullmatch(literal) else value
