"""What the server says about the settings of Redis."""

import agentos_redis
import pytest

from agentos import Config, create_app
from parts.redis import SAFE, running_redis


@pytest.fixture
def server():
    with running_redis(**SAFE) as server:
        yield server


@pytest.fixture
def make_app(server):
    made = []

    def make(**settings):
        config = Config(database_url=server.url, assistant=False, environ={}, plugins=(), plugin_settings=settings)
        made.append(create_app(config, plugins={"redis": agentos_redis}))
        return made[-1]

    yield make
    for app in made:
        app.extensions["agentos"].close()


def durability(app):
    response = app.test_client().get("/ready")
    checks = {one["name"]: one for one in response.json["checks"]}
    return response.status_code, checks["durability"] if "durability" in checks else checks["storage"]


def test_ready_says_that_the_settings_let_every_promise_hold(make_app):
    status, check = durability(make_app())
    assert (status, check["status"]) == (200, "ok")


def test_ready_warns_of_a_setting_that_breaks_a_promise(server, make_app):
    with server.client() as client:
        client.config_set("appendonly", "no")
    status, check = durability(make_app())
    assert (status, check["status"]) == (200, "warning")
    assert "appendonly is off" in check["detail"]


def test_a_strict_server_is_not_ready_with_one_and_takes_nothing(server, make_app):
    app = make_app(strict_storage=True)
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    status, check = durability(app)
    assert (status, check["status"]) == (503, "failed")
    assert "maxmemory-policy" in check["detail"]
    response = app.test_client().get("/api/v1/sessions")
    assert (response.status_code, response.json["code"]) == (503, "STORAGE_ERROR")
