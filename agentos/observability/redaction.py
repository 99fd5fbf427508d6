"""Takes secrets out of what the server says of itself: logs, errors, failures of tools, the output of commands.

Secrets are known by value (what the settings marked ``secret`` hold) and by their look (keys, tokens, credentials in
addresses and headers). What users, models and tools say to each other in an answer, a history or an event is never
redacted: a conversation may be about passwords, and an answer must be what the model wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

from agentos.domain.secret_names import is_secret_name
from agentos.settings import Setting

if TYPE_CHECKING:
    from agentos.config import Config

HIDDEN = "***"

ADDRESSES = ("_url", "signals", "_store")
"""What names of settings that are addresses end with: not all of them are secret, but a password in them."""

SHORTEST = 8  # characters below which a value is not looked for: a short one stands by chance in many a text

# Lower-case pieces, of which each text that PATTERNS change holds one. Nearly no line of a log does, and to look for
# them takes a tenth of the time of one expression that has them all.
HINTS = (
    *("aos_", "sk-", "sk_", "pk_", "pk-", "rk_", "hf_", "xai-", "aiza", "xox", "glpat-"),
    *("eyj", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "-----begin"),
    *("bearer", "authorization", "api-key", "api_key", "apikey", "cookie"),
    *("pass", "pwd", "secret", "s_token", "h_token", "d_token", "token=", "key=", "sig="),
)

_NAMES = r"pass(?:word|wd|phrase)|pwd|secret(?:_?access)?(?:_?key)?|(?:access|refresh|auth|id)_token"
_HEADERS = r"(?:proxy-)?authorization|(?:x[-_])?api[-_]?key"
# Between a name and its value: as in a header, an assignment, a dict, JSON, JSON within JSON, or a list of pairs.
_QUOTE = r"\\?[\"']"
_BETWEEN = rf"(?:(?:{_QUOTE})?\s{{0,3}}[:=]\s{{0,3}}(?:{_QUOTE})?|[\"'],\s{{0,3}}b?[\"'])"
_QUOTED = r"\"[^\"\r\n]*\"?|'[^'\r\n]*'?|\\\"[^\"\r\n]*\"?"

# None of them scans a text more than once: what a client sent may be long, and made to be slow.
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), replacement)
    for pattern, replacement, flags in (
        (r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", rf"-----BEGIN \1----- {HIDDEN}", re.DOTALL),
        (r"\baos_([A-Za-z0-9]{16})_[\w-]+", rf"aos_\1_{HIDDEN}", 0),
        (r"\baos_(?![A-Za-z0-9]{16}_)[\w-]{24,}", f"aos_{HIDDEN}", 0),
        (r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?", f"eyJ{HIDDEN}", 0),
        # Greedy to the last @ before a slash: a password may hold one.
        (r"(://[^\s/:@\"']*:)(?!PASSWORD@)[^\s/\"']+(?=@)", rf"\1{HIDDEN}", 0),
        (r"(://)[^\s/:@\"'?#]{20,}(?=@)", rf"\1{HIDDEN}", 0),
        (rf"({_HEADERS}){_BETWEEN}(?:(?:bearer|basic|token|digest)\s+)?[^\s\"',;]{{8,}}", rf"\1: {HIDDEN}", re.I),
        (rf"((?:set-)?cookie){_BETWEEN}[^\"'\r\n]+", rf"\1: {HIDDEN}", re.I),
        # A digit tells a token from a word, as in "bearer credentials".
        (r"\b(bearer)\s{1,3}(?=[^\s\"']*\d)[\w.~+/=-]{6,}", rf"\1 {HIDDEN}", re.I),
        (rf"({_NAMES})(?:=|{_QUOTE}\s{{0,3}}:\s{{0,3}})(?:{_QUOTED}|[^\s\"'&,;)]+)", rf"\1={HIDDEN}", re.I),
        (r"([?&][^\s=&?#]{0,30}(?:token|key|secret|sig|password|pwd)=)[^\s&#\"']+", rf"\1{HIDDEN}", re.I),
        (r"(?<![A-Za-z0-9])([sp]k[-_]|rk_)[\w*-]{8,}", rf"\1{HIDDEN}", 0),
        (r"(?<![A-Za-z0-9])(hf_|xai-|AIza|xox[a-z]-|glpat-)[\w-]{16,}", rf"\1{HIDDEN}", 0),
        (r"(?<![A-Za-z0-9])((?:AKIA|ASIA))[A-Z0-9]{12,}", rf"\1{HIDDEN}", 0),
        (r"(?<![A-Za-z0-9])(gh[pousr]_|github_pat_)\w{16,}", rf"\1{HIDDEN}", 0),
    )
)

# For addresses. An operator's text may be any, so none of these tries a character more than a fixed number of times: a
# name ends where the next one may begin, and each part of a place ends at a character that it does not accept.
_PASSWORD = re.compile(r"://[^:/]*:")
_HIDDEN_NAME = r"[?&](?=[^=&#?]*?(?:pass|pwd|secret|token|key))[^=&#?]*="
_PARAMETER_VALUE = re.compile(rf"{_HIDDEN_NAME}([^&#\s]+)", re.I)
# Here the value ends at the next name: a password may hold a & that its writer forgot to encode.
_PARAMETER = re.compile(rf"({_HIDDEN_NAME})(?:(?!&\w+=).)*", re.I | re.DOTALL)
_HIDE_VALUE = rf"\1{HIDDEN}"
_HOST = r"(?:[\w.%-]*|\[[0-9A-Fa-f:.%]+\])(?::[0-9]{1,5})?"
_PLACE = re.compile(rf"{_HOST}(?:,{_HOST})*(?:[/?]|\Z)")


class Redactor:
    """Takes out what looks like a secret, and the values that it keeps."""

    def __init__(self, *secrets: str) -> None:
        self._values: tuple[tuple[str, re.Pattern[str]], ...] = ()
        self.keep(*secrets)

    def keep(self, *secrets: str) -> None:
        """Redact these values from now on, in every spelling that JSON and addresses have for them."""
        known = {value for value, _ in self._values}
        for value in secrets:
            in_json = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
            for spelling in (value, quote(value, safe=""), quote_plus(value), *in_json):
                if len(spelling) >= SHORTEST:
                    known.add(spelling)
        # The longest first: one may be the beginning of another, and the rest would stay.
        self._values = tuple((value, _pattern(value)) for value in sorted(known, key=len, reverse=True))

    def redact(self, text: str) -> str:
        """Return a text without the secrets in it. Most texts have none, and come back as they are, in microseconds."""
        for value, pattern in self._values:
            if value in text:
                text = pattern.sub(HIDDEN, text)
        if _is_suspect(text):
            for pattern, replacement in PATTERNS:
                text = pattern.sub(replacement, text)
        return text

    def has_secret(self, text: str) -> bool:
        """Tell cheaply whether :meth:`redact` might change a text; in doubt, yes."""
        for value, _ in self._values:
            if value in text:
                return True
        return _is_suspect(text)

    def redact_data(self, value: Any) -> Any:
        """Return JSON without the secrets in it. What stands under the name of a secret goes whole, also a list.

        Only what is empty, null, true or false there stays: it holds no secret, and says whether there is one.
        """
        return self._redacted(value, by_name=True)

    def redact_texts(self, value: Any) -> Any:
        """Return JSON without the secrets in its texts and keys, where a name says nothing of what stands under it."""
        return self._redacted(value, by_name=False)

    def _redacted(self, value: Any, *, by_name: bool) -> Any:
        match value:
            case str():
                return self.redact(value)
            case Mapping():
                return {
                    self.redact(key) if isinstance(key, str) else key: HIDDEN
                    if by_name and is_secret_member(key, inner)
                    else self._redacted(inner, by_name=by_name)
                    for key, inner in value.items()
                }
            case list() | tuple():
                return [self._redacted(inner, by_name=by_name) for inner in value]
            case _:
                return value


def is_secret_member(name: object, value: object) -> bool:
    """Tell whether a member of an object is to be hidden whole: it has the name of a secret, and may hold one."""
    return bool(value) and value is not True and isinstance(name, str) and is_secret_name(name)


process = Redactor()
"""The redactor of all servers in this process. Each adds its secrets when it is built.

They share it on purpose. They share the log, standard error and the environment, so each of them may come to quote a
secret of another. And code that had to be given a server's own redactor would show secrets wherever it was forgotten.
"""

redact, has_secret = process.redact, process.has_secret
redact_data, redact_texts = process.redact_data, process.redact_texts


def redact_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error's details without secrets. ``fields`` has words of ours under the names of a client's fields."""
    return {**redact_data(details), **{name: redact_texts(details[name]) for name in ("fields",) if name in details}}


def secrets_of(config: Config) -> list[str]:
    """Return the secret settings, passwords in addresses, and the keys of providers."""
    found: list[str] = []
    for setting in config.settings:
        value = config.value_of(setting)
        if isinstance(value, str):
            found += url_passwords(value)
            if is_whole_secret(setting, value):
                found.append(value)
    for provider in config.providers:
        found += provider.secrets()
    return found


def is_whole_secret(setting: Setting, value: str) -> bool:
    """Tell whether all of a setting's value is secret; of an address, everything but the password is worth seeing."""
    return setting.secret and not (setting.name.endswith(ADDRESSES) and "://" in value)


def without_passwords(url: str) -> str:
    """Return a text that is an address without the passwords in it; another text, such as a sentence, as it is.

    A password may hold any character, also where its writer forgot to encode it. Of an address that cannot be read for
    sure, the scheme alone is left.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or re.search(r"\s", scheme):
        return url
    user, at, place = rest.rpartition("@")
    if scheme.startswith("sqlite") or (at and re.fullmatch(r"[\w.-]+/[^:]*", user)):  # the @ is in a path
        return f"{scheme}://{_PARAMETER.sub(_HIDE_VALUE, rest)}"
    user, colon, _ = user.partition(":")
    if not re.fullmatch(r"[\w.%+~-]*", user) or (at and not colon and len(user) >= 20):  # a token may stand alone
        user = HIDDEN
    if not at and not _PLACE.match(place):
        return f"{scheme}://{HIDDEN}"
    place = _PARAMETER.sub(_HIDE_VALUE, place)
    return f"{scheme}://{user}{f':{HIDDEN}' if colon else ''}{at}{place}"


def url_passwords(url: str) -> Iterable[str]:
    """Return the passwords in an address, as it spells them and as they are.

    SQLAlchemy lets one hold any character, so it goes up to the last ``@``.
    """
    found, end = [], 0
    password, at = _PASSWORD.search(url), url.rfind("@")
    if password and password.end() < at:
        found, end = [url[password.end() : at]], at
    found += _PARAMETER_VALUE.findall(url, end)
    return [spelling for password in found if password for spelling in dict.fromkeys((password, unquote(password)))]


def _is_suspect(text: str) -> bool:
    if "://" in text and "@" in text:
        return True
    lower = text.lower()
    for hint in HINTS:  # noqa: SIM110  # `any` would take half as long again, and each line of the log comes here
        if hint in lower:
            return True
    return False


def _pattern(value: str) -> re.Pattern[str]:
    # A password may be a plain word, as "postgres": then it counts only where it stands alone, not in "postgresql".
    return re.compile(rf"(?<![A-Za-z]){re.escape(value)}(?![A-Za-z])" if value.isalpha() else re.escape(value))
