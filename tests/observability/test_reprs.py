"""Whatever holds a secret does not show it: in a log, in a debugger, in a message that formats it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from agentos_openai import OpenAIProvider

from agentos.auth.authenticator import Credentials
from agentos.auth.jwt import JwtAuthenticator
from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.media import Media
from agentos.http.client import HTTPClient
from agentos.http.routes import route_to
from agentos.models.chat_completions import ChatCompletions
from agentos.models.compatible import CompatibleProvider
from agentos.settings import settings_of
from agentos.storage.keys import StoredKey

SECRET = "geheim-geheim-geheim-geheim-geheim"


def config() -> Config:
    given: dict[str, Any] = {setting.name: SECRET for setting in settings_of(Config) if setting.secret}
    given |= {"database_url": f"memory://me:{SECRET}@db", "jwt_algorithms": ("HS256",), "plugins": ()}
    headers = {"Cookie": SECRET, "X-Plain": "$SECRET"}
    table = {"base_url": "http://m/v1", "key_variable": "SECRET", "headers": headers, "query": {"key": "$SECRET"}}
    return Config(environ={"SECRET": SECRET}, providers={"named": table}, **given)


def proxied() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("http_proxy", f"http://me:{SECRET}@proxy.example:3128")
        return route_to(f"http://me:{SECRET}@models.example/v1")


HOLDERS: dict[str, Callable[[], Any]] = {
    "config": config,
    "stored key": lambda: StoredKey(
        id="a", name="a", owner="b", scopes=(), digest=SECRET, created_at=datetime(2026, 1, 1, tzinfo=UTC)
    ),
    "credentials": lambda: Credentials(
        method="GET", path="/", address="127.0.0.1", headers={"authorization": f"Bearer {SECRET}", "x-api-key": SECRET}
    ),
    "token authenticator": lambda: JwtAuthenticator(config()),
    "provider settings": lambda: config().providers[0],
    "named provider": lambda: CompatibleProvider(config().providers[0], config()),
    "provider": lambda: OpenAIProvider(config()),
    "client": lambda: ChatCompletions("http://m/v1", {"Authorization": f"Bearer {SECRET}"}, token_timeout=1),
    "HTTP client": lambda: HTTPClient(f"http://me:{SECRET}@models.example/v1", silence=1),
    "route": proxied,
    "connection": lambda: proxied().connection(None),
    "attachment": lambda: Media("image", data=SECRET, content_type="image/png"),
    "services": lambda: build(Config(environ={}, openai_api_key=SECRET, database_url="memory://", plugins=())),
}


@pytest.mark.parametrize("make", HOLDERS.values(), ids=HOLDERS)
def test_no_repr_shows_a_secret(make: Callable[[], Any]) -> None:
    holder = make()
    for shown in (repr(holder), str(holder), f"{holder}"):
        assert SECRET not in shown
