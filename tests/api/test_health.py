import pytest
from flask.testing import FlaskClient

from agentos.api.kit.errors import OUTAGES
from agentos.errors import StorageError


def test_health_says_that_the_process_lives(client: FlaskClient) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json["status"] == "healthy"
    assert answer.json["service"] == "agentos"
    assert isinstance(answer.json["time"], int)


def test_health_touches_nothing_and_readiness_tells_of_a_database_that_is_gone(tmp_path, serve) -> None:
    served = serve(database_url=f"sqlite:///{tmp_path}/test.db")
    assert served.client.get("/ready").status_code == 200
    served.services.storage.close()
    for file in tmp_path.iterdir():
        file.unlink()
    tmp_path.rmdir()
    answer = served.client.get("/ready")
    assert answer.status_code == 503
    assert answer.json["status"] == "not_ready"
    assert {check["name"]: check["ok"] for check in answer.json["checks"]}["storage"] is False
    assert served.client.get("/health").status_code == 200
    tmp_path.mkdir()


def test_readiness_says_what_was_checked(client: FlaskClient) -> None:
    answer = client.get("/ready")
    assert [check["name"] for check in answer.json["checks"]][:3] == ["storage", "migrations", "clock"]
    assert {(check["ok"], check["status"]) for check in answer.json["checks"]} == {(True, "ok")}


def test_a_draining_server_is_not_ready_and_refuses_runs(served) -> None:
    served.services.drain(0)
    assert served.client.get("/ready").status_code == 503
    answer = served.run("Hi")
    assert answer.status_code == 503
    assert answer.json["code"] == "SHUTTING_DOWN"
    assert int(answer.headers["Retry-After"]) >= 1
    assert served.stream().status_code == 503


def test_what_a_draining_server_refuses_is_not_logged_each_time(served, log_records) -> None:
    OUTAGES["SHUTTING_DOWN"].forget()
    served.services.drain(0)
    for _ in range(5):
        served.run("Hi")
    assert [record.code for record in log_records("agentos.api.kit.errors")] == ["SHUTTING_DOWN"]


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_a_wrong_method_is_a_json_error_with_allow(client: FlaskClient, method: str) -> None:
    answer = getattr(client, method)("/health")
    assert answer.status_code == 405
    assert answer.json["code"] == "METHOD_NOT_ALLOWED"
    assert "GET" in answer.headers["Allow"]


class BrokenAgent:
    """An agent that fails as storage does."""

    def stream(self, context):
        raise StorageError("the database did not take it")
        yield


def test_a_run_that_storage_did_not_take_is_503_with_retry_after(serve) -> None:
    answer = serve(agents={"broken": BrokenAgent()}).client.post("/api/v1/agents/broken/run", json={"input": "Hi"})
    assert answer.status_code == 503
    assert answer.json["code"] == "STORAGE_ERROR"
    assert answer.headers["Retry-After"] == "1"
