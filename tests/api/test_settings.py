"""The settings over HTTP: all of them, with where they came from, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentos import hookimpl
from agentos.config import Config
from agentos.settings import settings_of
from api.conftest import Serve, Served

SECRETS = ("opensesame", "hunter2hunter2", "tok-en-of-a-plugin", "headersecret", "sk-org0rganization")

ENVIRONMENT = {
    "AGENTOS_REQUEST_TIMEOUT": "7",
    "OPENAI_API_KEY": "hunter2hunter2",
    "OPENAI_BASE_URL": "https://me:opensesame@example.com/v1",
    "AGENTOS_WEATHER_TOKEN": "tok-en-of-a-plugin",
    "AGENTOS_WHETHER_TOKEN": "tok-en-of-a-plugin",
}

FILE = """
max_turns = 3
[providers.shop]
base_url = "https://shop.example/v1"
headers = { "x-api-key" = "headersecret", "X-Org-Id" = "sk-org0rganization" }
"""


class Weather:
    """A plugin with settings, one of them secret."""

    @hookimpl
    def register_settings(self, register) -> None:
        register("weather_city", str, "Rome", "The city.")
        register("weather_token", str, None, "The token.", secret=True)


@pytest.fixture
def served(serve: Serve, tmp_path: Path) -> Served:
    file = tmp_path / "agentos.toml"
    file.write_text(FILE)
    return serve(environ=ENVIRONMENT, file=file, plugins={"weather": Weather()}, history_turns=4)


def settings(served: Served) -> dict[str, Any]:
    answer = served.client.get("/api/v1/settings")
    assert answer.status_code == 200, answer.text
    assert answer.json["count"] == len(answer.json["settings"])
    return {row["name"]: row for row in answer.json["settings"]}


def test_every_setting_is_there_and_those_of_plugins_behind_ours(served):
    assert list(settings(served)) == [*(one.name for one in settings_of(Config)), "weather_city", "weather_token"]


def test_each_says_where_its_value_came_from(served, tmp_path):
    shown = settings(served)
    found = {name: (shown[name]["value"], shown[name]["source"], shown[name]["place"]) for name in shown}
    assert found["stream_timeout"] == (600.0, "default", None)
    assert found["history_turns"] == (4, "code", None)
    assert found["request_timeout"] == (7.0, "environment", "AGENTOS_REQUEST_TIMEOUT")
    assert found["max_turns"] == (3, "file", str(tmp_path / "agentos.toml"))
    assert found["weather_city"] == ("Rome", "default", None)


def test_each_says_what_it_is_for_and_what_it_accepts(served):
    row = settings(served)["request_timeout"]
    (declared,) = [one for one in settings_of(Config) if one.name == "request_timeout"]
    assert (row["default"], row["help"], row["accepts"]) == (30.0, declared.help, declared.kind.accepts)
    assert (row["variables"], row["plugin"], row["secret"]) == (["AGENTOS_REQUEST_TIMEOUT"], None, False)
    assert settings(served)["weather_city"]["plugin"] == "weather"


def test_of_a_secret_it_says_only_whether_it_is_set(served):
    shown = settings(served)
    found = [
        (shown[name]["value"], shown[name]["is_set"], shown[name]["secret"])
        for name in ("openai_api_key", "weather_token", "jwt_key")
    ]
    assert found == [(None, True, True), (None, True, True), (None, False, True)]
    assert shown["openai_base_url"]["value"] == "https://me:***@example.com/v1"


@pytest.mark.parametrize("address", ["https://me:g/heim@example.com/v1", "https://me:g@/heim@example.com/v1"])
def test_a_password_in_an_address_is_hidden_whatever_is_in_it(serve, address):
    answer = serve(environ={"OPENAI_BASE_URL": address}).client.get("/api/v1/settings")
    (shown,) = [row for row in answer.json["settings"] if row["name"] == "openai_base_url"]
    assert shown["value"] == "https://me:***@example.com/v1"
    assert "heim" not in answer.text


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("AGENTOS_WEATHER_CITY", f"Ask at https://{'a' * 28}.example for it", None),
        ("OPENAI_BASE_URL", f"https://{'a' * 28}.example#prod", "https://***"),
        ("AGENTOS_JWT_ISSUER", f"https://{'a' * 28}.example (prod)", "https://***"),
    ],
)
def test_a_value_that_names_an_address_is_shown_at_once(serve, variable, value, shown):
    client = serve(environ={variable: value}, plugins={"weather": Weather()}).client
    rows = client.get("/api/v1/settings").json["settings"]
    assert [row["value"] for row in rows if row["place"] == variable] == [shown or value]


def test_no_secret_is_anywhere_in_it(served):
    text = served.client.get("/api/v1/settings").text
    assert not [secret for secret in SECRETS if secret in text]
    assert "shop.example" in text


def test_a_variable_that_nothing_reads_is_named(served):
    (warning,) = served.client.get("/api/v1/settings").json["warnings"]
    assert "AGENTOS_WHETHER_TOKEN" in warning
    assert "did you mean AGENTOS_WEATHER_TOKEN?" in warning


def test_it_is_json_whatever_a_plugin_makes_of_a_text(serve):
    class Odd:
        @hookimpl
        def register_settings(self, register) -> None:
            from agentos import Kind

            register("odd", Kind("anything", lambda value: {Path(str(value)), 3.5}), "a", "Odd.")

    shown = settings(serve(plugins={"odd": Odd()}))
    assert sorted(map(str, shown["odd"]["value"])) == ["3.5", "a"]
    json.dumps(shown, allow_nan=False)


@pytest.mark.parametrize(
    ("scopes", "status"),
    [(["admin"], 200), (["settings:read"], 200), (["agents:read", "agents:write", "runs:approve:any"], 403)],
)
def test_it_needs_its_scope(serve, scopes, status):
    client = serve(auth=["api_key"]).client.as_caller("alice", scopes)
    assert client.get("/api/v1/settings").status_code == status


def test_a_keyless_server_shows_them_on_its_own_machine_alone(serve):
    assert serve().client.get("/api/v1/settings").status_code == 200
    opened = serve(allow_anonymous=True).client.get("/api/v1/settings")
    assert (opened.status_code, opened.json["code"]) == (403, "FORBIDDEN")
