"""Jobs and signals as plugins bring them: what a server does with them, and what it refuses."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from agentos import Agent, Approval, ConfigError, MemoryStorage, Paging, Record, Server, Signals, Tool, hookimpl, tool
from agentos.execution.jobs import POLL
from agentos.models.scripted import call
from parts.waiting import until


class Mail:
    """A plugin with a job; remembers what it was called with."""

    def __init__(self, then: Callable[[Record, Server], Any] = lambda record, server: None) -> None:
        self.calls: list[tuple[Record, Server]] = []
        self.then = then
        self.server: Server

    @hookimpl
    def server_start(self, server: Server) -> None:
        self.server = server

    @hookimpl
    def register_jobs(self, register: Any) -> None:
        register("mail", self.send)

    def send(self, record: Record, server: Server) -> Any:
        self.calls.append((record, server))
        return self.then(record, server)

    def put(self, id: str = "1", *, seconds: float = 0, **fields: Any) -> Record:
        due = datetime.now(UTC) + timedelta(seconds=seconds)
        return self.server.records.put(Record(collection="mail", id=id, due_at=due, **fields))


def test_a_job_gets_its_record_and_the_server(serve) -> None:
    mail = Mail()
    serve(plugins={"mail": mail}).services.start()
    mail.put(owner="acme", document={"to": "ada"})
    until(lambda: mail.calls)
    ((record, server),) = mail.calls
    assert (record.owner, record.document, record.attempts) == ("acme", {"to": "ada"}, 1)
    assert server is mail.server
    until(lambda: server.records.get("mail", "1", owner="acme") is None)


def test_a_job_that_is_put_now_begins_at_once(serve) -> None:
    mail = Mail()
    serve(plugins={"mail": mail}).services.start()
    time.sleep(0.5)  # it has asked, and found nothing
    begun = time.monotonic()
    mail.put()
    until(lambda: mail.calls)
    assert time.monotonic() - begun < POLL / 4


def test_a_job_may_use_the_server_and_its_records(serve) -> None:
    def count(record: Record, server: Server) -> None:
        server.records.add("mail-sent", "all", 1, owner="acme")

    mail = Mail(count)
    serve(plugins={"mail": mail}).services.start()
    for number in range(3):
        mail.put(str(number))
    until(lambda: len(mail.calls) == 3)
    records = mail.server.records
    until(lambda: (records.get("mail-sent", "all", owner="acme") or Record(collection="x", id="x")).value == 3)
    until(lambda: not records.list("mail", Paging(), owner=None).items)


def test_what_a_job_raises_is_logged_with_the_plugins_name_and_the_server_serves_on(serve, log_records) -> None:
    def fail(record: Record, server: Server) -> None:
        raise SystemExit("no post today")

    mail = Mail(fail)
    served = serve(plugins={"mail": mail})
    served.services.start()
    mail.put()
    until(lambda: any(getattr(one, "collection", None) == "mail" for one in log_records("agentos")))
    (line,) = [one for one in log_records("agentos") if getattr(one, "collection", None) == "mail"]
    assert (line.levelno, line.plugin) == (logging.ERROR, "mail")
    assert served.run("Hi").status_code == 200


def test_a_server_that_drains_begins_no_job_and_the_next_one_does_it(serve) -> None:
    storage = MemoryStorage()

    class Scratch:
        @hookimpl
        def register_storage_backends(self, register: Any) -> None:
            register("scratch", lambda url, config: storage)

    first, second = Mail(), Mail()
    draining = serve(plugins={"mail": first, "scratch": Scratch()}, database_url="scratch://")
    draining.services.start()
    draining.services.drain(0)
    first.put()
    time.sleep(POLL + 0.5)
    assert first.calls == []
    serve(plugins={"mail": second, "scratch": Scratch()}, database_url="scratch://").services.start()
    until(lambda: second.calls)


def test_commands_and_servers_that_were_not_started_do_no_jobs(serve) -> None:
    mail = Mail()
    served = serve(plugins={"mail": mail})
    served.services.records.put(Record(collection="mail", id="1", due_at=datetime.now(UTC)))
    served.run("Hi")
    time.sleep(0.3)
    assert mail.calls == []


def test_two_plugins_cannot_have_one_collection(serve) -> None:
    served = serve(plugins={"mail": Mail(), "post": Mail()})
    (report,) = [one for one in served.services.plugins.reports if one.name == "post"]
    assert report.status == "failed"
    assert "job 'mail' of 'post' is already there: 'mail' registered it" in report.error


@pytest.mark.parametrize(
    ("collection", "handler", "said"),
    [
        ("", print, "the collection of a record is ''"),
        ("x" * 65, print, "65 characters; accepted: 1 to 64"),
        (7, print, "the collection of a record is 7; accepted: a text"),
        ("mail", "send", "the handler of 'mail' is a str; accepted: a function"),
    ],
)
def test_what_cannot_be_a_job_is_refused_by_name(serve, collection: Any, handler: Any, said: str) -> None:
    plugin = SimpleNamespace(register_jobs=hookimpl(lambda register: register(collection, handler)))
    served = serve(plugins={"odd": plugin})
    (report,) = [one for one in served.services.plugins.reports if one.name == "odd"]
    assert (report.status, said in report.error) == ("failed", True)


# --- signals ---------------------------------------------------------------------------------------------------------


class Horn(Signals):
    """Signals of a plugin; remembers, and does what a test says."""

    def __init__(self, then: Callable[[], Any] = bool) -> None:
        super().__init__()
        self.notified: list[str] = []
        self.closings = 0
        self.then = then

    def notify(self, *topics: str) -> None:
        self.notified.extend(topics)
        self.then()
        super().notify(*topics)

    def close(self) -> None:
        self.closings += 1
        super().close()


def brings(made: Any) -> SimpleNamespace:
    """Return a plugin that registers these signals as ``horn``; ``given`` is what its factory got."""
    plugin = SimpleNamespace(given=[])

    def factory(url: str, config: Any) -> Any:
        plugin.given.append((url, config.signals))
        return made

    plugin.register_signals = hookimpl(lambda register: register("horn", factory))
    return plugin


def test_signals_are_chosen_by_the_scheme_of_their_url_and_closed_once(serve) -> None:
    horn = Horn()
    plugin = brings(horn)
    served = serve(plugins={"horn": plugin}, signals="horn://user:secret@host")
    assert plugin.given == [("horn://user:secret@host",) * 2]
    run_id = served.run("Hi").json["run_id"]
    until(lambda: f"run:{run_id}" in horn.notified)
    served.services.close()
    served.services.close()
    assert horn.closings == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("bugle://user:secret@host", "begins with 'bugle', which no installed plugin serves"),
        ("secret", "is no URL"),
        ("", "is no URL"),
    ],
)
def test_signals_that_are_not_installed_are_refused_without_the_secret(serve, given: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"AGENTOS_SIGNALS {said}; installed are horn://, local") as refused:
        serve(plugins={"horn": brings(Horn())}, signals=given)
    assert "secret" not in str(refused.value)


def test_what_is_no_signals_is_refused_with_the_plugins_name(serve) -> None:
    with pytest.raises(ConfigError, match="AGENTOS_SIGNALS cannot be used: the signals of plugin 'horn' are"):
        serve(plugins={"horn": brings(object())}, signals="horn://")


def test_signals_that_fail_are_logged_with_the_plugins_name_and_cost_no_run(serve, log_records) -> None:
    def fail() -> None:
        raise RuntimeError("no breath")

    served = serve(plugins={"horn": brings(Horn(fail))}, signals="horn://")
    assert served.run("Hi").status_code == 200
    until(lambda: any(getattr(one, "plugin", None) == "horn" for one in log_records("agentos")))


# --- the first user: expiry ------------------------------------------------------------------------------------------


def transfer(amount: int) -> str:
    """Move money.

    Args:
        amount: How much.
    """
    raise AssertionError("it was not approved")


PAY: Tool = tool(transfer, approval=Approval(on_expiry="fail"))


def status_of(served: Any, run_id: str) -> str:
    return str(served.client.get(f"/api/v1/runs/{run_id}").json["status"])


def paused(served: Any) -> str:
    """Start a run that waits for an approval, and return its id."""
    run_id = str(served.run("Pay", background=True).json["run_id"])
    until(lambda: status_of(served, run_id) == "paused")
    return run_id


@pytest.mark.parametrize("parts", [1, 2])
def test_a_run_that_is_to_fail_without_an_answer_in_time_fails(serve, parts: int) -> None:
    calls = [call("transfer", f'{{"amount": {number}}}', id=str(number), index=number) for number in range(parts)]
    served = serve(calls, tools=[PAY], pause_timeout=1.0)
    served.services.start()
    run_id = paused(served)
    until(lambda: status_of(served, run_id) == "failed")
    assert served.client.get(f"/api/v1/runs/{run_id}").json["error"]["code"] == "PENDING_EXPIRED"
    assert not served.services.records.list("pending-expiry", Paging(), owner=None).items


def test_a_run_whose_server_has_ended_is_ended_by_another(serve) -> None:
    storage = MemoryStorage()

    class Scratch:
        @hookimpl
        def register_storage_backends(self, register: Any) -> None:
            register("scratch", lambda url, config: storage)

    settings = {"plugins": {"scratch": Scratch()}, "database_url": "scratch://", "pause_timeout": 1.0}
    first = serve([call("transfer", '{"amount": 1}')], tools=[PAY], **settings)
    run_id = paused(first)
    first.services.drain(0)
    first.services.close()
    second = serve(**settings)
    second.services.start()
    until(lambda: status_of(second, run_id) == "failed")


def test_an_expiry_whose_run_is_gone_is_forgotten(serve) -> None:
    served = serve()
    served.services.start()
    for id in ("gone", served.run("Hi").json["run_id"]):
        served.services.records.put(Record(collection="pending-expiry", id=id, due_at=datetime.now(UTC)))
    until(lambda: not served.services.records.list("pending-expiry", Paging(), owner=None).items)


def test_an_expiry_is_left_to_the_time_of_its_actions(serve) -> None:
    served = serve([call("transfer", '{"amount": 1}')], tools=[PAY])
    served.services.start()
    run_id = paused(served)
    (kept,) = served.services.records.list("pending-expiry", Paging(), owner=None).items
    assert kept.due_at - datetime.now(UTC) > timedelta(days=6)
    served.services.records.put(Record(collection="pending-expiry", id=run_id, due_at=datetime.now(UTC)))
    until(lambda: served.services.records.get("pending-expiry", run_id, owner="anonymous").due_at >= kept.due_at)
    assert status_of(served, run_id) == "paused"


def test_an_agent_without_approvals_puts_no_expiry(serve) -> None:
    served = serve(agents={"plain": Agent(id="plain", model="scripted:echo")})
    served.run("Hi")
    assert not served.services.records.list("pending-expiry", Paging(), owner=None).items
