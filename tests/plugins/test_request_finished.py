"""The hook that observes requests: what it sees of them, when, and that it cannot harm them."""

from types import SimpleNamespace
from typing import Any

import flask
import pytest

from agentos import FinishedRequest, hookimpl
from agentos.domain.ids import new_id
from agentos.web import PUBLIC, ResponseSpec, Routes, json_response

UNKNOWN = new_id()


class Watch:
    def __init__(self) -> None:
        self.seen: list[FinishedRequest] = []

    @hookimpl
    def request_finished(self, request: FinishedRequest) -> None:
        self.seen.append(request)


def plugin(register: Any) -> Any:
    return SimpleNamespace(register_routes=hookimpl(register))


def test_it_sees_the_declared_path_and_what_became_of_the_request(serve) -> None:
    watch = Watch()
    served = serve("Hello", plugins={"watch": watch})
    answer = served.client.get(f"/api/v1/runs/{UNKNOWN}", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 404
    (seen,) = watch.seen
    assert (seen.method, seen.route, seen.status) == ("GET", "/api/v1/runs/{run_id}", 404)
    assert (seen.request_id, seen.caller_id, seen.run_id) == ("mine", "anonymous", UNKNOWN)
    assert 0 < seen.duration < 10


def test_it_names_the_run_that_a_request_began(serve) -> None:
    watch = Watch()
    served = serve("Hello", plugins={"watch": watch})
    run = served.run("Hi").json
    assert (watch.seen[-1].route, watch.seen[-1].run_id) == ("/api/v1/agents/{agent_id}/run", run["run_id"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v1/nothing/here", 404), ("BREW", "/health", 405), ("GET", "/%0a", 404)],
)
def test_an_address_that_is_not_served_has_no_route(serve, method: str, path: str, status: int) -> None:
    watch = Watch()
    served = serve(plugins={"watch": watch})
    assert served.client.open(path, method=method).status_code == status
    assert [(one.method, one.route, one.status) for one in watch.seen] == [(method, None, status)]


def test_the_route_of_a_blueprint_is_as_flask_writes_it(serve) -> None:
    blueprint = flask.Blueprint("birds", __name__)
    blueprint.add_url_rule("/birds/<int:number>", "one", lambda number: str(number))
    watch = Watch()
    birds = plugin(lambda register: register(blueprint, public=["one"]))
    served = serve(plugins={"birds": birds, "watch": watch})
    assert served.client.get("/birds/7").text == "7"
    assert watch.seen[-1].route == "/birds/<int:number>"


def test_a_stream_is_seen_when_it_has_ended(serve) -> None:
    routes = Routes("slowly", "Streams.")
    watch = Watch()

    @routes.get("/slowly", access=PUBLIC, responses={200: ResponseSpec("It.", media_types=("text/plain",))})
    def get_slowly():
        """Stream."""

        def pieces():
            yield b"seen so far: "
            yield str(len(watch.seen)).encode()

        return flask.Response(pieces(), content_type="text/plain")

    slowly = plugin(lambda register: register(routes))
    served = serve(plugins={"slowly": slowly, "watch": watch})
    with served.client.get("/slowly") as answer:
        assert answer.text == "seen so far: 0"
    assert [one.route for one in watch.seen] == ["/slowly"]


def test_an_observer_that_raises_harms_neither_the_request_nor_another_observer(serve, log_records) -> None:
    def broken(request: Any) -> None:
        raise SystemExit(request.route)

    watch = Watch()
    plugins = {"broken": SimpleNamespace(request_finished=hookimpl(broken)), "watch": watch}
    served = serve(plugins=plugins)
    assert served.client.get("/health").status_code == 200
    assert len(watch.seen) == 1
    (line,) = log_records("agentos.plugins.observers")
    assert (line.plugin, line.hook) == ("broken", "request_finished")


def test_a_bug_in_a_view_is_seen_as_the_error_that_the_client_got(serve) -> None:
    routes = Routes("buggy", "Fails.")

    @routes.get("/buggy", access=PUBLIC, responses={200: ResponseSpec("It.")})
    def get_buggy():
        """Fail."""
        return json_response({"result": 1 / 0})

    watch = Watch()
    served = serve(plugins={"buggy": plugin(lambda register: register(routes)), "watch": watch})
    assert served.client.get("/buggy").status_code == 500
    assert [(one.route, one.status) for one in watch.seen] == [("/buggy", 500)]
