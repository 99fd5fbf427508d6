"""What `docs/how-to/authentication.md` says: its scopes, its claims' settings and its authenticator."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentos.config import Config
from agentos.domain.principal import SCOPES
from agentos.settings import settings_of
from api.conftest import Served

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "authentication.md").read_text("utf-8")


def test_the_table_has_every_scope() -> None:
    table = PAGE.partition("| scope | allows |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\S+)` \|", table, re.MULTILINE)) == {*SCOPES, "agents:run:ID"}


def test_its_settings_are_settings() -> None:
    known = {name for setting in settings_of(Config) for name in setting.env}
    assert set(re.findall(r"AGENTOS_[A-Z_]+", PAGE)) <= known


@pytest.fixture
def guarded(serve, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A server that asks the page's authenticator."""
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(block, "authentication.md", "exec"), page)
    monkeypatch.setenv("PROXY_SECRET", "long and random")
    plugin = SimpleNamespace(register_authenticators=page["register_authenticators"])
    return serve(plugins={"proxy": plugin}, auth=("api_key", "proxy"))


def ask(served: Served, **headers: str) -> int:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return served.client.get("/api/v1/sessions", headers=given).status_code


def test_the_authenticator_of_the_page_knows_users_of_its_proxy(guarded: Served) -> None:
    assert ask(guarded, X_Forwarded_User="alice", X_Proxy_Secret="long and random") == 200
    assert ask(guarded, X_Forwarded_User="alice", X_Proxy_Secret="guessed") == 401
    assert ask(guarded, X_Forwarded_User="alice") == 401
    assert ask(guarded, X_Forwarded_User="anonymous", X_Proxy_Secret="long and random") == 401
    assert ask(guarded, X_Forwarded_User="a" * 256, X_Proxy_Secret="long and random") == 401
    assert ask(guarded) == 401


def test_beside_the_authenticator_of_the_page_keys_are_taken(guarded: Served) -> None:
    key, _ = guarded.services.keys.create(name="backend", owner="backend")
    assert ask(guarded, X_API_Key=key) == 200
    assert ask(guarded, X_API_Key=key + "x", X_Forwarded_User="alice", X_Proxy_Secret="long and random") == 401
