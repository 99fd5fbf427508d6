"""Reads a PostgreSQL URL into the parameters of its client library, libpq.

No error here quotes a piece of the URL. Whichever part is wrong may be a part of the password: `postgresql://u:a/b@h/d`
has a bad port in the eyes of many a parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from agentos.errors import ConfigError

PARAMETERS = frozenset(
    (
        *("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service"),
        *("require_auth", "channel_binding", "scram_client_key", "scram_server_key", "requirepeer"),
        *("connect_timeout", "client_encoding", "options", "application_name", "fallback_application_name"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("sslmode", "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslkeylogfile", "sslpassword"),
        *("sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "min_protocol_version", "max_protocol_version"),
        *("gssencmode", "krbsrvname", "gsslib", "gssdelegation"),
        *("target_session_attrs", "load_balance_hosts"),
    )
)
"""The connection parameters of libpq 18 that a server which writes can use."""

_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "primary"),
    "load_balance_hosts": ("disable", "random"),
}
_NUMBERS = (
    *("connect_timeout", "tcp_user_timeout"),
    *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval"),
)

_FORM = "accepted: postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
_ENCODE = "in a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25"
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Za-z:.%]+)\]|(?P<name>[^:\[\]@/?#,\s]*))(?::(?P<port>[^:\[\]@/?#,]*))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class PostgresqlAddress:
    """Where a PostgreSQL database is and how to connect to it: libpq's parameters by name."""

    parameters: Mapping[str, str] = field(repr=False)


def postgresql_address(url: str) -> PostgresqlAddress:
    """Return what a PostgreSQL URL says; raises :class:`~agentos.errors.ConfigError`.

    Several hosts are separated by commas. The user's part ends at the first ``@`` behind which the rest can be read, so
    that a password may hold any character, as SQLAlchemy and many an operator have it.
    """
    rest = url.partition("://")[2]
    parts = _split(rest)
    if parts is None:
        raise ConfigError(f"AGENTOS_DATABASE_URL cannot be read; {_FORM}; {_ENCODE}")
    user, password, hosts, database, query = parts
    found = _hosts(hosts)
    for name, text, what in (
        ("user", user, "its user"),
        ("password", password, "its password"),
        ("dbname", database, "its database"),
    ):
        if text:
            found[name] = _decoded(text, what)
    found |= _parameters(query)
    _check(found)
    if "dbname" not in found and "service" not in found:
        raise ConfigError(f"AGENTOS_DATABASE_URL names no database; {_FORM}")
    if "," in found.get("host", ""):
        # Of several servers, the one that takes writes is meant, also after they have changed their parts.
        found.setdefault("target_session_attrs", "read-write")
    return PostgresqlAddress(found)


def _split(rest: str) -> tuple[str, str, str, str, str] | None:
    """Return user, password, hosts, database and parameters, still encoded."""
    ends = [position for position, character in enumerate(rest) if character == "@"]
    for end in ends or [-1]:
        match = re.fullmatch(r"([^/?#@]*)(?:/([^/?#@]*))?(?:\?(.*))?", rest[end + 1 :], re.DOTALL)
        if match is None or not all("=" in one for one in (match[3] or "").split("&") if one):
            continue
        user, _, password = rest[: max(end, 0)].partition(":")
        return user, password, match[1], match[2] or "", match[3] or ""
    return None


def _hosts(text: str) -> dict[str, str]:
    hosts, ports = [], []
    for one in text.split(","):
        match = _HOST.fullmatch(one)
        if match is None:
            raise ConfigError(
                "AGENTOS_DATABASE_URL has a host that cannot be read; accepted: HOST, HOST:PORT or [IPV6]:PORT, several"
                f" separated by commas; {_ENCODE}"
            )
        hosts.append(_decoded(match["ipv6"] or match["name"], "its host"))
        ports.append(match["port"] or "")
    if any(ports):
        _check_ports(ports)
    found = {"host": ",".join(hosts)} if any(hosts) else {}
    return found | ({"port": ",".join(ports)} if any(ports) else {})


def _check_ports(ports: list[str]) -> None:
    if not all(port == "" or (re.fullmatch("[0-9]{1,5}", port) and 1 <= int(port) <= 65535) for port in ports):
        raise ConfigError(
            f"AGENTOS_DATABASE_URL has a port that is no whole number from 1 to 65535; {_FORM}; {_ENCODE}"
        )


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    several: list[str] = []
    for one in filter(None, query.split("&")):
        name, _, value = one.partition("=")
        if name not in PARAMETERS:
            # A name is only shown where it cannot be the end of a password.
            shown = f"the parameter {name!r}" if re.fullmatch("[a-z_]{1,32}", name) and "@" not in query else "one"
            raise ConfigError(
                f"AGENTOS_DATABASE_URL has {shown}, which is not known; accepted are the parameters of libpq, as in"
                " ?sslmode=verify-full&connect_timeout=5"
            )
        value = _decoded(value.replace("+", " ") if name != "password" else value, f"its parameter {name!r}")
        if name == "host":
            several.append(value)
        elif name in found:
            raise ConfigError(f"AGENTOS_DATABASE_URL has the parameter {name!r} twice; give it once")
        else:
            found[name] = value
    # A directory of sockets, or ``host=a:5432&host=b:5432`` as SQLAlchemy has it.
    if len(several) == 1 and ("/" in several[0] or ":" not in several[0]):
        found["host"] = several[0]
    elif several:
        found |= _hosts(",".join(several))
    return found


def _check(found: Mapping[str, str]) -> None:
    for name, value in found.items():
        choices = _CHOICES.get(name)
        if choices and value not in choices:
            raise ConfigError(
                f"AGENTOS_DATABASE_URL has a value of {name!r} that is not accepted; accepted: {', '.join(choices)}"
            )
        if name in _NUMBERS and not re.fullmatch("[0-9]{1,9}", value):
            raise ConfigError(f"AGENTOS_DATABASE_URL has a value of {name!r} that is no whole number")
    _check_ports(found.get("port", "").split(","))
    if (count := found.get("port", "").count(",")) and count != found.get("host", "").count(","):
        raise ConfigError("AGENTOS_DATABASE_URL has another number of ports than of hosts; give each host its own")


def _decoded(text: str, what: str) -> str:
    """Return a text with its percent-escapes decoded; a percent sign that begins none stays as it is."""
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        raise ConfigError(f"AGENTOS_DATABASE_URL has percent-escapes in {what} that are not UTF-8; {_ENCODE}") from None
    if _CONTROL.search(decoded):
        raise ConfigError(f"AGENTOS_DATABASE_URL has a control character in {what}; {_ENCODE}")
    return decoded
