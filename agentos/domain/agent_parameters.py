"""What an agent's ``parameters`` may say, at each door.

An agent names a provider. Where the provider is and what it gets as a key is said in the settings alone: a client that
may register agents could otherwise have one of our keys sent to a host of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentos.domain.headers import HEADER_NAME, HEADER_VALUE, is_own_header
from agentos.domain.secret_names import is_secret_name, plain_name
from agentos.errors import InvalidRequest

EXTRAS = ("extra_headers", "extra_query", "extra_body")
"""Parameters that are no fields of the model's request: they add to its header, its address and its body."""

SET_BY_THE_SERVER = frozenset({"model", "messages", "stream"})

_REFUSED = frozenset({"auth", "bearer", "hostname", "jwt", "pwd", "passwd", "secret", "token"})
_REFUSED_ENDS = ("host", "endpoint")
# Looked for anywhere in a name that has lost its separators: `OPENAI_API_KEY`, `X-Api-Key` and `apiKeys` hold "apikey".
_REFUSED_PARTS = (
    *("authorization", "cookie", "proxy", "proxies", "header", "extraquery", "defaultquery"),
    *("baseurl", "baseuri", "apibase", "apiurl", "apiuri", "endpointurl", "xauth"),
    *("apikey", "keyname", "keyvariable", "keyfile", "keyenv"),
    *("accesskey", "secretkey", "privatekey", "subscriptionkey"),
    *("apitoken", "authtoken", "accesstoken", "bearertoken", "refreshtoken", "sessiontoken", "securitytoken"),
    *("azureadtoken", "apisecret", "clientsecret", "password", "passphrase", "credential"),
)

SCHEMAS = frozenset(
    {("response_format", "json_schema", "schema"), ("tools", "*", "function", "parameters"), ("guided_json",)}
    | {("output_config", "format", "schema"), ("tools", "*", "input_schema")}
)
"""Where JSON schemas are: the names in them are those of a user's own fields. "*" stands for a place in a list."""

_ADVICE = (
    "accepted are fields of the model's request; addresses, keys and headers of a provider are given in the server's"
    " settings, and the agent names the provider in its 'model'"
)


def check_extras(agent_id: str, parameters: Mapping[str, Any]) -> None:
    """Raise :class:`~agentos.errors.InvalidRequest` for extra headers, query or body that no agent may have."""
    for name in EXTRAS:
        given = parameters.get(name)
        if given is None:
            continue
        where = f"parameter {name!r} of agent {agent_id!r}"
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
            raise InvalidRequest(f"{where} is {type(given).__name__}; accepted is an object with texts as names")
        if name != "extra_body":
            _check_texts(where, given, headers=name == "extra_headers")
        elif taken := sorted(SET_BY_THE_SERVER & given.keys()):
            raise InvalidRequest(f"{where} has {taken[0]!r}, which the server sets; accepted are other fields")


def _check_texts(where: str, given: Mapping[str, Any], *, headers: bool) -> None:
    for name, value in given.items():
        if is_secret_name(name):
            raise InvalidRequest(
                f"{where} has {name!r:.80}, which looks like the name of a secret; give it in the server's settings,"
                f' as in [providers.NAME] {"headers" if headers else "query"} = {{ {name:.80} = "$VARIABLE" }}'
            )
        if headers and (not HEADER_NAME.fullmatch(name) or is_own_header(name)):
            raise InvalidRequest(
                f"{where} has {name!r:.80}, which is not accepted; accepted are names of headers that do not belong to"
                " the connection, as Host and Content-Length do"
            )
        values = value if isinstance(value, list | tuple) and not headers else [value]
        if not all(_is_text(one) for one in values):
            raise InvalidRequest(
                f"{where} has a value of {name!r:.80} that is not accepted; accepted are one line of text in Latin-1, a"
                " number, true and false"
            )


def _is_text(value: Any) -> bool:
    return HEADER_VALUE.fullmatch(value) is not None if isinstance(value, str) else isinstance(value, int | float)


def check_parameters_of_client(parameters: Mapping[str, Any], *, field: str = "parameters") -> None:
    """Raise ``InvalidRequest`` for names, at any depth and in any spelling, that a client may not give an agent."""
    for path, name in _names(parameters):
        if may_not_be_named_by_client(name, top=not path):
            raise _refusal(field, path, name, _ADVICE)
        if not path and plain_name(name) in SET_BY_THE_SERVER:
            advice = "the server sets it; accepted are the other fields of the model's request"
            raise _refusal(field, path, name, advice)


def may_not_be_named_by_client(name: str, *, top: bool = True) -> bool:
    """Tell whether a parameter of this name is for the server's operator alone: addresses, keys, headers."""
    bare = plain_name(name)
    refused = bare.endswith(_REFUSED_ENDS) or bare in _REFUSED or any(part in bare for part in _REFUSED_PARTS)
    return refused or (top and bare == "key")


def path_within(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the path of what stands under a name. ``extra_body`` does not count: it holds fields of the request."""
    return path if not path and plain_name(name) == "extrabody" else (*path, name)


def _names(parameters: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every name, at any depth, with the names above it. Nothing recurses, as clients may nest deep."""
    left: list[tuple[tuple[str, ...], Any]] = [((), parameters)]
    while left:
        path, value = left.pop()
        if isinstance(value, Mapping):
            for key, inner in value.items():
                name = str(key)
                yield path, name
                within = path_within(path, name)
                if within not in SCHEMAS:
                    left.append((within, inner))
        elif isinstance(value, list | tuple):
            left.extend(((*path, "*"), inner) for inner in value)


def _refusal(field: str, path: tuple[str, ...], name: str, advice: str) -> InvalidRequest:
    place = f" in {'.'.join(path):.80}" if path else ""
    words = f"has the name {name!r:.80}{place}, which is not accepted: {advice}"
    return InvalidRequest(f"field {field!r} {words}", details={"fields": {field: words}})
