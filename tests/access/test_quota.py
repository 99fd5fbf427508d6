"""How many runs may be under way at once: of one owner, and of all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from access.conftest import Tenants, tenants_of


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Tenants]]:
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(tenants_of(tmp_path, **limits))


def test_an_owner_has_so_many_runs_at_once_whatever_keys_they_come_with(serve) -> None:
    tenants = serve(max_runs_per_owner=2)
    first = tenants.alice.run("slow", background=True)["run_id"]
    tenants.caller("alice").run("slow", background=True)
    refused = tenants.alice.request("POST", "/api/v1/agents/echo/run", {"input": "Hi"})
    assert (refused.status_code, refused.json["code"]) == (429, "RATE_LIMITED")
    assert "AGENTOS_MAX_RUNS_PER_OWNER" in refused.json["message"]
    assert int(refused.headers["Retry-After"]) >= 1
    tenants.bob.run("echo")
    assert tenants.alice.request("POST", f"/api/v1/runs/{first}/cancel").status_code == 202
    tenants.until_ended(tenants.alice, first)
    tenants.alice.run("echo")


def test_with_keys_an_owner_has_a_hundred_unless_that_is_switched_off(serve) -> None:
    for settings, refused in (({}, 1), ({"max_runs_per_owner": "none"}, 0)):
        tenants = serve(background_queue=200, **settings)
        caller = tenants.caller(f"many {refused}")
        body = {"input": "Hi", "background": True}
        statuses = [caller.request("POST", "/api/v1/agents/slow/run", body).status_code for _ in range(101)]
        assert (statuses.count(202), statuses.count(429)) == (101 - refused, refused)


def test_a_stream_is_refused_before_its_first_byte(serve) -> None:
    tenants = serve(max_runs_per_owner=1)
    tenants.alice.run("slow", background=True)
    refused = tenants.alice.request("POST", "/api/v1/agents/echo/run/stream", {"input": "Hi"})
    assert (refused.status_code, refused.mimetype) == (429, "application/json")


def test_all_owners_together_have_so_many_runs_at_once(serve) -> None:
    tenants = serve(max_runs=2)
    tenants.alice.run("slow", background=True)
    tenants.bob.run("slow", background=True)
    for caller in (tenants.alice, tenants.bob, tenants.ada):
        refused = caller.request("POST", "/api/v1/agents/echo/run", {"input": "Hi"})
        assert refused.status_code == 429
        assert "(AGENTOS_MAX_RUNS)" in refused.json["message"]
