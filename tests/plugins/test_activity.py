"""What a plugin can read of a worker: numbers of what it does, and of what waits in the deployment."""

from typing import Any

from agentos import RunRequest, hookimpl
from agentos.models.scripted import Pause
from parts.waiting import until

SLOW = ["half", Pause(30), " whole"]


class Reader:
    """Keeps the server that plugins are given."""

    @hookimpl
    def server_start(self, server: Any) -> None:
        self.server = server


def test_runs_streams_and_followers_are_those_of_now(serve) -> None:
    served = serve(SLOW)
    activity = served.services.server.activity
    assert (activity.now().runs, activity.now().streams, activity.now().followers) == (0, 0, 0)
    answer = served.stream()
    parts = answer.iter_encoded()
    next(parts)
    assert (activity.now().runs, activity.now().streams, activity.now().followers) == (1, 1, 1)
    answer.close()
    assert (activity.now().streams, activity.now().followers) == (0, 0)
    for live in served.services.worker.running():
        served.client.post(f"/api/v1/runs/{live.run.id}/cancel")
    until(lambda: activity.now().runs == 0)


def test_the_log_the_leases_and_the_pool_are_counted(serve, tmp_path) -> None:
    reader = Reader()
    served = serve(
        "Hello",
        SLOW,
        plugins={"reader": reader},
        database_url=f"sqlite:///{tmp_path}/a.db",
        lease_seconds=1.0,
    )
    served.services.start()
    activity = reader.server.activity
    run_id = served.services.server.runs.start(
        RunRequest(agent_id="scripted", input="Hi", caller=reader.server.principal("reader"))
    ).run_id
    served.ended(run_id)
    served.services.server.runs.start(
        RunRequest(agent_id="scripted", input="Hi", caller=reader.server.principal("reader"))
    )
    until(lambda: activity.now().leases_renewed and activity.now().log_events)
    found = activity.now()
    assert found.sweeps > 0
    assert found.log_commits > 0
    assert found.log_seconds > 0
    assert (found.leases_lost, found.runs_taken_over) == (0, 0)
    assert found.pool is not None
    assert found.pool.limit == 20
    assert (found.holds, found.held_seconds, found.longest_hold) == (0, 0.0, 0.0)


def test_a_session_s_second_run_is_in_the_backlog(serve) -> None:
    served = serve(SLOW)
    session = served.new_session()
    first, second = (served.stream(session_id=session) for _ in range(2))
    backlog = served.services.server.activity.backlog()
    assert backlog is not None
    assert (backlog.queued, backlog.paused) == (1, 0)
    assert backlog.oldest_queued_at is not None
    for answer in (first, second):
        answer.close()
    for live in served.services.worker.running():
        served.client.post(f"/api/v1/runs/{live.run.id}/cancel")


def test_storage_in_memory_has_no_pool(serve) -> None:
    assert serve().services.server.activity.now().pool is None
