"""What only storage in Redis does: what a turn costs, what is left behind, and what happens when the server fails."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.run import RunStatus
from agentos.domain.session import Session
from agentos.domain.usage import MOST_TOKENS, Usage
from agentos.errors import SessionNotFound, StorageError
from agentos.storage.admission import Lease
from agentos.storage.aliases import Alias
from agentos.storage.events import FrameBatch
from agentos.storage.keys import StoredKey
from agentos.storage.paging import Paging
from agentos.storage.records import Record
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.testing.storage.contract import (
    LEASE,
    admit,
    admitted,
    at_once,
    claimed,
    ended,
    frames,
    key,
    new_run,
    new_session,
    said,
)
from agentos.testing.storage.pausing import answer, checkpoint, paused, paused_run
from parts.postgres import free_port
from parts.redis import SAFE, open_redis_storage, running_redis

LATER = datetime.now(UTC) + timedelta(days=1)
IMAGE = Media("image", data="aGVsbG8=", content_type="image/png")


@pytest.fixture
def server():
    with running_redis(**SAFE) as server:
        yield server


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def open_storage():
    opened = []

    def open_one(url, **settings):
        opened.append(open_redis_storage(url, **settings))
        return opened[-1]

    yield open_one
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(server, open_storage):
    storage = open_storage(server.url)
    storage.upgrade()
    return storage


def take_turn(storage, session):
    admission = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=3)
    storage.events.append([FrameBatch(admission.run.id, frames(1, 5))])
    storage.runs.finish(ended(admission.run), messages=said("q", "a"), frames=frames(6, 6, kind="complete"))
    return admission


def commands(client):
    """Return how many commands of each kind the server has carried out, those in scripts too."""
    stats = client.info("commandstats")
    return {name: one["calls"] for name, one in stats.items() if name != "cmdstat_info"}


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_a_turn_is_three_round_trips_and_as_much_work_after_two_hundred_turns(storage, client):
    session = new_session(storage)
    spent = {}
    for turn in range(1, 201):
        client.config_resetstat()
        take_turn(storage, session)
        spent[turn] = commands(client)
    assert spent[200]["cmdstat_evalsha"] == 3
    assert spent[200] == spent[5]


def test_a_worker_asks_about_all_its_runs_in_one_round_trip(storage, client):
    for _ in range(20):
        admitted(storage)
    for ask in (
        lambda: storage.runs.renew_leases(LEASE),
        lambda: storage.runs.leased(LEASE.worker_id),
        lambda: storage.runs.cancel_requests(LEASE.worker_id),
        lambda: storage.runs.unattended(limit=100),
    ):
        ask()  # The first time, the server does not know the script.
        client.config_resetstat()
        ask()
        assert commands(client)["cmdstat_evalsha"] == 1


@pytest.mark.parametrize("logged", [True, False])
def test_the_memory_of_a_run_is_bounded(storage, client, logged):
    def used():
        return sum(client.memory_usage(name, samples=0) for name in client.scan_iter(count=1000))

    session = new_session(storage)
    take_turn(storage, session)
    before = used()
    for _ in range(100):
        take_turn(storage, session)
    if not logged:
        while storage.events.delete_old(ended_before=LATER, limit=100):
            pass
    # As docs/how-to/redis.md says; what was said comes on top of it.
    assert (used() - before) / 100 < (3500 if logged else 2700)


def test_tokens_are_counted_exactly_beyond_what_a_number_of_lua_holds(storage):
    session = new_session(storage)
    most = Usage(MOST_TOKENS, MOST_TOKENS)
    runs = [admitted(storage, session) for _ in range(2)]
    storage.runs.finish(ended(runs[0], usage=most))
    storage.runs.finish(ended(claimed(storage, runs[1].id).run, usage=Usage(1, 2)))
    assert storage.sessions.get(session.id, owner=None).total_tokens == 2 * MOST_TOKENS + 3
    storage.runs.delete(runs[0].id, owner=None)
    assert storage.sessions.get(session.id, owner=None).total_tokens == 3


# --- what is left behind ---------------------------------------------------------------------------------------------


def fill(storage):
    """Leave something of every kind."""
    session = new_session(storage, owner="alice", user_id="u", team_id="t", workflow_id="w", name="n")
    storage.sessions.append(session.id, [Message("user", "look", media=(IMAGE,))], owner=None, now=session.created_at)
    for _ in range(3):
        take_turn(storage, session)
    run = admit(storage, new_run(session, media=(IMAGE,), user_id="u"), idempotency=key(owner="alice")).run
    storage.events.append([FrameBatch(run.id, frames(1, 3), checkpoints=[checkpoint(1)])])
    admitted(storage, session, lease=None)
    paused_run(storage, run)
    storage.sessions.fork(session.id, "fork", SessionChanges(), owner=None, now=session.created_at)
    storage.aliases.bind(Alias(owner="alice", door="chat", id="1"), new_session_of("alice"))
    answer(storage, paused(storage))
    admitted(storage, lease=None, agent_version=2, parent_run_id=run.id)
    storage.runs.request_cancel(admitted(storage, lease=Lease("gone", -1.0)).id, owner=None)
    storage.records.put(Record(collection="c", owner="alice", id="1", due_at=datetime.now(UTC)))
    storage.records.put(Record(collection="c", owner="alice", id="2", due_at=datetime.now(UTC)))
    storage.records.take_due(["c"], LEASE, limit=1)


def new_session_of(owner):
    now = datetime.now(UTC)
    return Session(id="bound", agent_id="assistant", owner=owner, created_at=now, updated_at=now)


def test_deletion_leaves_nothing_behind(storage, client):
    fill(storage)
    assert client.dbsize() > 40
    while storage.records.delete_of_owner("alice", limit=1):
        pass
    while storage.sessions.delete_oldest(SessionFilter(), limit=1):
        pass
    for run in storage.runs.list(RunFilter(), Paging()).items:
        if run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            storage.runs.finish(ended(run))
        storage.runs.delete(run.id, owner=None)
    storage.idempotency.delete_old(created_before=LATER, limit=9)
    assert sorted(client.scan_iter()) == [b"agentos:revision"]


def test_the_deletion_of_an_owners_data_leaves_nothing_of_it(storage, client):
    fill(storage)
    storage.aliases.delete_of_owner("alice", limit=100)
    while storage.records.delete_of_owner("alice", limit=100):
        pass
    storage.runs.delete_of_owner("alice", limit=100)
    while storage.sessions.delete_oldest(SessionFilter(owner="alice"), limit=100):
        pass
    left = sorted(name for name in client.scan_iter() if b"alice" in name and not name.startswith(b"agentos:used:"))
    assert left == []


def test_one_call_deletes_a_bounded_number_of_messages(storage):
    long = [Message("user", "a")] * 600
    for _ in range(3):
        session = new_session(storage)
        storage.sessions.append(session.id, long, owner=None, now=session.created_at)
    assert [storage.sessions.delete_oldest(SessionFilter(), limit=9) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("user", [None, "u"])
def test_aliases_are_deleted_in_parts_and_each_part_looks_at_no_more(storage, client, user):
    now = datetime.now(UTC)
    for number in range(9):
        given = {"agent_id": "assistant", "owner": "alice", "user_id": "u", "created_at": now, "updated_at": now}
        storage.aliases.bind(Alias(owner="alice", door="chat", id=f"{number}"), Session(id=f"{number}", **given))
    client.config_resetstat()
    assert storage.aliases.delete_of_owner("alice", user_id=user, limit=4) == 4
    assert commands(client)["cmdstat_get"] == 4
    assert [storage.aliases.delete_of_owner("alice", user_id=user, limit=4) for _ in range(3)] == [4, 1, 0]


def test_retention_leaves_nothing_of_old_logs(storage, client):
    session = new_session(storage)
    for _ in range(3):
        take_turn(storage, session)
    assert storage.events.delete_old(ended_before=LATER, limit=2) == 2
    assert len(list(client.scan_iter(match="agentos:events:*"))) == 1
    assert storage.events.delete_old(ended_before=LATER, limit=2) == 1
    assert list(client.scan_iter(match="agentos:*logs*")) == []


def test_two_deployments_on_one_server_do_not_see_each_other(server, storage, open_storage):
    other = open_storage(server.url, prefix="other:")
    session = new_session(storage)
    assert other.sessions.get(session.id, owner=None) is None
    assert other.sessions.count(SessionFilter()) == 0


# --- what fails ------------------------------------------------------------------------------------------------------


def test_a_server_that_was_killed_has_all_that_it_acknowledged(server, storage):
    session = new_session(storage)
    runs = [take_turn(storage, session).run.id for _ in range(20)]
    server.stop()
    with pytest.raises(StorageError, match="cannot be reached"):
        new_session(storage)
    server.start()
    assert sorted(run.id for run in storage.runs.list(RunFilter(), Paging()).items) == sorted(runs)
    assert len(storage.sessions.history(session.id, owner=None, limit=100).messages) == 40
    take_turn(storage, session)


def test_a_server_that_lost_its_data_is_empty_and_works(server, storage):
    session = new_session(storage)
    run = admitted(storage, session)
    server.stop()
    server.forget()
    server.start()
    assert storage.runs.finish(ended(run), messages=said("q", "a")) is None
    assert storage.events.append([FrameBatch(run.id, frames(1, 1))]) == {run.id}
    assert storage.runs.leased(LEASE.worker_id) == set()
    assert storage.schema().ready
    take_turn(storage, new_session(storage))


def test_scripts_that_the_server_has_forgotten_are_sent_again(storage, client):
    session = new_session(storage)
    client.script_flush()
    take_turn(storage, session)


def test_nothing_is_written_while_the_server_is_full_and_it_recovers(storage, client):
    session = new_session(storage)
    run = admitted(storage, session)
    before = sorted(client.scan_iter())
    client.config_set("maxmemory", 1)
    for write in (
        lambda: new_session(storage),
        lambda: admitted(storage, session),
        lambda: storage.events.append([FrameBatch(run.id, frames(1, 1))]),
        lambda: storage.records.put(Record(collection="c", id="1")),
    ):
        with pytest.raises(StorageError, match="full"):
            write()
    assert sorted(client.scan_iter()) == before
    assert storage.runs.get(run.id, owner=None) == run
    client.config_set("maxmemory", 0)
    assert storage.runs.finish(ended(run), messages=said("q", "a"))
    assert len(storage.sessions.history(session.id, owner=None, limit=9).messages) == 2


def test_a_run_ends_visibly_while_the_server_is_full(storage, client):
    session = new_session(storage)
    run = admitted(storage, session)
    client.config_set("maxmemory", 1)
    storage.runs.finish(ended(run), messages=said("q", "a"), frames=frames(1, 1))
    assert storage.runs.get(run.id, owner=None).status is RunStatus.COMPLETED
    assert len(storage.sessions.history(session.id, owner=None, limit=9).messages) == 2
    assert storage.sessions.delete(session.id, owner=None)


def test_workers_keep_their_leases_while_the_server_is_full(storage, client):
    run = admitted(storage, lease=Lease("worker-1", -1.0))
    storage.records.put(Record(collection="c", id="1", due_at=datetime.now(UTC)))
    taken = storage.records.take_due(["c"], Lease("worker-1", -1.0), limit=1)
    client.config_set("maxmemory", 1)
    assert storage.runs.renew_leases(LEASE) == [run.id]
    storage.records.renew(taken, LEASE)
    assert storage.runs.unattended(limit=9).lost == ()
    assert storage.records.take_due(["c"], LEASE, limit=1) == []


def test_runs_are_stopped_and_keys_revoked_while_the_server_is_full(storage, client):
    run, other = admitted(storage), admitted(storage, owner="alice")
    now = datetime.now(UTC)
    storage.keys.add(StoredKey(id="k", name="n", owner="o", digest="d", scopes=(), created_at=now))
    client.config_set("maxmemory", 1)
    storage.runs.request_cancel(run.id, owner=None)
    assert [one.id for one in storage.runs.request_cancel_of_owner("alice")] == [other.id]
    assert set(storage.runs.cancel_requests(LEASE.worker_id)) == {run.id, other.id}
    assert storage.keys.revoke("k", now=now).revoked_at == now


def test_a_server_that_does_not_reply_is_given_up_in_time(server, open_storage, client):
    storage = open_storage(server.url, redis_timeout=0.3)
    session = new_session(storage)
    client.client_pause(1500)
    before = time.monotonic()
    with pytest.raises(StorageError, match="AGENTOS_REDIS_TIMEOUT"):
        new_session(storage)
    assert time.monotonic() - before < 1
    time.sleep(1.5)
    take_turn(storage, session)


def test_connections_are_bounded(server, open_storage, client):
    storage = open_storage(server.url, redis_connections=2, redis_timeout=0.3)
    session = new_session(storage)
    refused = []

    def read(_):
        try:
            storage.sessions.get(session.id, owner=None)
        except StorageError as error:
            refused.append(error.message)

    client.client_pause(1000, all=True)
    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.client_list()) <= 3
    assert any("AGENTOS_REDIS_CONNECTIONS" in one for one in refused)
    assert storage.pool().limit == 2


def test_a_connection_that_is_cut_in_the_middle_of_an_admission_leaves_all_of_it_or_nothing(storage, client):
    session = new_session(storage)
    told, stop = [], threading.Event()

    def cut():
        while not stop.is_set():
            client.client_kill_filter(_type="normal", skipme=True)
            time.sleep(0.002)

    thread = threading.Thread(target=cut)
    thread.start()
    failed = 0
    try:
        for _ in range(300):
            run = new_run(session)
            try:
                told.append(admit(storage, run, None).run.id)
            except StorageError:
                failed += 1
    finally:
        stop.set()
        thread.join()
    assert failed, "no admission was cut off"
    ids = [run.id for run in storage.runs.list(RunFilter(session_id=session.id), Paging(limit=1000)).items]
    assert len(ids) == len(set(ids))
    assert set(told) <= set(ids)
    assert len(ids) <= len(told) + failed
    positions = sorted(storage.runs.get(run_id, owner=None).position for run_id in ids)
    assert positions == list(range(1, len(ids) + 1))


def test_a_server_without_enough_replicas_says_so(storage, client):
    client.config_set("min-replicas-to-write", 1)
    with pytest.raises(StorageError, match="min-replicas-to-write"):
        new_session(storage)


def test_a_replica_refuses_writes_and_says_so(server, storage):
    with running_redis(replicaof=f"127.0.0.1 {server.port}") as replica:
        session = new_session(storage)
        other = open_redis_storage(replica.url)
        deadline = time.monotonic() + 10
        while other.sessions.get(session.id, owner=None) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(StorageError, match="replica"):
            new_session(other)
        with replica.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        take_turn(other, session)
        other.close()


def test_everything_is_deleted_under_load_and_no_operation_lies(storage, client):
    stop = threading.Event()
    wrong = []

    def work(number):
        while not stop.is_set():
            session = new_session(storage)
            try:
                run = admitted(storage, session)
                storage.events.append([FrameBatch(run.id, frames(1, 3))])
                if storage.runs.finish(ended(run), messages=said("q", "a"), frames=frames(4, 4)) is not None:
                    found = storage.runs.get(run.id, owner=None)
                    if found is not None and found.status is not RunStatus.COMPLETED:
                        wrong.append(found)
            except SessionNotFound:
                continue
            except StorageError as error:
                wrong.append(error)

    def flush():
        for _ in range(20):
            time.sleep(0.05)
            client.flushall()
        stop.set()

    flushing = threading.Thread(target=flush)
    flushing.start()
    at_once(work, 4)
    flushing.join()
    assert wrong == []
    take_turn(storage, new_session(storage))


# --- what the settings of the server break --------------------------------------------------------------------------


def test_a_server_that_keeps_every_promise_is_without_fault(storage):
    assert storage.durability() == []


@pytest.mark.parametrize(
    ("setting", "value", "said_of_it"),
    [
        ("appendonly", "no", "appendonly is off"),
        ("appendfsync", "no", "appendfsync is 'no'"),
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy is 'allkeys-lru'"),
    ],
)
def test_a_setting_that_breaks_a_promise_is_named_and_refused_where_that_is_asked_for(
    server, storage, open_storage, client, setting, value, said_of_it
):
    strict = open_storage(server.url, strict_storage=True)
    session = new_session(strict)
    client.config_set(setting, value)
    (found,) = storage.durability()
    assert found.startswith(said_of_it)
    new_session(storage)
    other = open_storage(server.url, strict_storage=True)
    for refused in (lambda: new_session(other), other.check, lambda: other.sessions.get(session.id, owner=None)):
        with pytest.raises(StorageError, match="AGENTOS_STRICT_STORAGE is on, and") as raised:
            refused()
        assert said_of_it in raised.value.message
    client.config_set(setting, SAFE[setting])
    new_session(other)


def test_the_settings_are_asked_for_again_after_a_restart(server, open_storage):
    storage = open_storage(server.url, strict_storage=True)
    session = new_session(storage)
    server.stop()
    server.settings["maxmemory-policy"] = "allkeys-lru"
    server.start()
    with pytest.raises(StorageError, match="maxmemory-policy"):
        take_turn(storage, session)


def test_a_cluster_is_named():
    with running_redis(cluster_enabled="yes", cluster_port=str(free_port()), **SAFE) as server:
        storage = open_redis_storage(server.url)
        (found,) = storage.durability()
        assert "cluster, which is not supported" in found
        storage.close()


def test_a_lost_run_is_claimed_again_after_a_restart(server, storage):
    run = admitted(storage, lease=Lease("gone", -1.0))
    server.stop()
    server.start()
    assert list(storage.runs.unattended(limit=9).lost) == [run.id]
    assert claimed(storage, run.id).run.attempt == 2
