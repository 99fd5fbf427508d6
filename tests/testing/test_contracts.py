"""The contract suites for authenticators, executors and hosted agents: on ours, and on some that break a promise."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from agentos import Config, Credentials, Principal, Unauthenticated
from agentos.auth.jwt import JwtAuthenticator
from agentos.auth.keys import ApiKeyAuthenticator
from agentos.execution.executor import EmbeddedExecutor, Executor
from agentos.services.keys import KeyService
from agentos.storage.memory import MemoryStorage
from agentos.testing import (
    AuthenticatorContract,
    ExecutorContract,
    KnownCallers,
    Pause,
    ScriptedAgent,
    StreamingAgentContract,
)
from auth.issuer import checking_key, token

ALICE = Principal(id="badge:7", owner="alice", scopes=["agents:run"])
TOKEN = "a-token-of-alice"


class TestKnownCallers(AuthenticatorContract):
    @pytest.fixture
    def authenticator(self) -> KnownCallers:
        return KnownCallers({TOKEN: ALICE})

    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}

    @pytest.fixture
    def refused(self) -> Mapping[str, str]:
        return {"Authorization": "Bearer another-token"}


class TestApiKeys(AuthenticatorContract):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    @pytest.fixture
    def authenticator(self, storage: MemoryStorage) -> ApiKeyAuthenticator:
        return ApiKeyAuthenticator(storage)

    @pytest.fixture
    def known(self, storage: MemoryStorage) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {KeyService(storage).create(name='alice')[0]}"}

    @pytest.fixture
    def refused(self, storage: MemoryStorage) -> Mapping[str, str]:
        key, stored = KeyService(storage).create(name="bob")
        KeyService(storage).revoke(stored.id)
        return {"X-API-Key": key}


class TestTokens(AuthenticatorContract):
    @pytest.fixture
    def authenticator(self) -> JwtAuthenticator:
        return JwtAuthenticator(Config(environ={}, jwt_key=checking_key("ES256"), jwt_algorithms=("ES256",)))

    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token('ES256')}"}

    @pytest.fixture
    def refused(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token('ES256', exp=time.time() - 1000)}"}


class TestEmbeddedExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self) -> EmbeddedExecutor:
        return EmbeddedExecutor(limit=2)


class TestScriptedAgent(StreamingAgentContract):
    @pytest.fixture
    def agent(self) -> ScriptedAgent:
        return ScriptedAgent("Hello", [" there"])


class TestSlowAgent(StreamingAgentContract):
    @pytest.fixture
    def agent(self) -> Any:
        class Slow:
            def stream(self, context: Any) -> Iterator[Any]:
                yield from ScriptedAgent("Well", Pause(10 if context.input == "slow" else 0)).stream(context)

        return Slow()

    @pytest.fixture
    def slow_text(self) -> str:
        return "slow"


def authenticator(decide: Callable[[Credentials], Any]) -> Any:
    class One:
        authenticate = staticmethod(decide)

    return One()


def leaky(credentials: Credentials) -> Principal | None:
    if credentials.bearer is None:
        return None
    if credentials.bearer == TOKEN:
        return ALICE
    raise Unauthenticated(f"{credentials.bearer} is not known")


def careless(credentials: Credentials) -> Principal | None:
    bearer = credentials.bearer
    return ALICE if bearer is not None and TOKEN.startswith(bearer) else None


def fragile(credentials: Credentials) -> Principal:
    return {TOKEN: ALICE}[credentials.headers["authorization"].split()[1]]


KNOWN = {"Authorization": f"Bearer {TOKEN}"}
REFUSED = {"Authorization": "Bearer another-token"}


@pytest.mark.parametrize(
    ("decide", "test", "given"),
    [
        (lambda _: "alice", "test_a_known_caller_is_a_principal_with_an_owner", {"known": KNOWN}),
        (
            lambda _: Principal(id=str(time.monotonic_ns()), owner="a"),
            "test_a_caller_stays_the_same",
            {"known": KNOWN},
        ),
        (lambda _: ALICE, "test_a_request_without_a_credential_is_left_to_others", {}),
        (leaky, "test_a_bad_credential_is_refused_without_repeating_it", {"refused": REFUSED}),
        (careless, "test_a_part_of_a_credential_is_none", {"known": KNOWN}),
        (fragile, "test_garbage_is_refused_and_is_no_bug", {"known": KNOWN, "text": ""}),
        (lambda _: ALICE, "test_many_threads_may_ask_at_once", {"known": KNOWN, "refused": REFUSED}),
    ],
)
def test_an_authenticator_that_breaks_a_promise_fails_its_test(decide: Any, test: str, given: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, LookupError)):
        getattr(AuthenticatorContract(), test)(authenticator(decide), **given)


class Broken(Executor):
    """An executor that forgets runs, executes them more often than it should, or makes its caller wait."""

    def __init__(self, *, times: int = 1, in_thread: bool = True, once: bool = False) -> None:
        self._times, self._in_thread, self._once = times, in_thread, once
        self._seen: set[str] = set()
        self._execute: Callable[[str], None] = bool

    def start(self, execute: Callable[[str], None]) -> None:
        self._execute = execute

    def submit(self, run_id: str) -> None:
        if self._once and run_id in self._seen:
            return
        self._seen.add(run_id)

        def run() -> None:
            for _ in range(self._times):
                self._execute(run_id)

        if self._in_thread:
            threading.Thread(target=run, daemon=True).start()
        else:
            run()


@pytest.mark.parametrize(
    ("executor", "test"),
    [
        (Broken(times=0), "test_a_submitted_run_is_executed"),
        (Broken(times=0), "test_many_threads_may_submit_at_once"),
        (Broken(times=2), "test_a_run_that_is_submitted_twice_at_once_is_executed"),
        (Broken(in_thread=False), "test_the_caller_does_not_wait_for_the_run"),
        (Broken(once=True), "test_a_run_that_is_submitted_again_after_its_claim_failed_is_executed_again"),
        (Broken(once=True), "test_a_run_that_is_submitted_while_it_is_executed_is_not_forgotten"),
    ],
)
def test_an_executor_that_breaks_a_promise_fails_its_test(
    executor: Broken, test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentos.testing.executors.SOON", 0.3)
    with pytest.raises(AssertionError):
        getattr(ExecutorContract(), test)(executor)


class Forgetful:
    """An agent that keeps a state of its own, and so mixes up its runs."""

    def __init__(self) -> None:
        self.running = 0

    def stream(self, context: Any) -> Iterator[str]:
        self.running += 1
        if self.running > 1:
            raise RuntimeError("one at a time")
        time.sleep(0.2)
        yield "Hello"
        self.running -= 1


def test_an_agent_that_takes_one_run_at_a_time_fails_its_test() -> None:
    with pytest.raises(AssertionError):
        StreamingAgentContract().test_many_runs_may_be_under_way_at_once(Forgetful(), "Hi")


def test_an_agent_that_does_not_notice_its_end_fails_its_test() -> None:
    release = threading.Event()

    class Deaf:
        def stream(self, context: Any) -> Iterator[str]:
            yield "Well"
            release.wait(20)

    try:
        with pytest.raises(AssertionError, match="did not return"):
            StreamingAgentContract().test_a_run_that_takes_too_long_comes_back(Deaf(), "Hi")
    finally:
        release.set()
