"""Sessions by an id of another protocol, as a plugin's endpoint asks for them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.principal import Principal
from agentos.domain.session import Session
from agentos.errors import InvalidRequest
from agentos.services.services import Services
from agentos.storage.paging import Paging
from agentos.storage.sessions import SessionFilter

ALICE, BOB = (Principal(id=f"key:{owner}", owner=owner) for owner in ("alice", "bob"))
ADA = Principal(id="key:ada", owner="ada", scopes=["admin"])


@pytest.fixture(params=["memory://", "sqlite"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    url = request.param if "://" in request.param else f"sqlite:///{tmp_path / 'a.db'}"
    services = build(Config(environ={}, database_url=url, plugins=()))
    yield services
    services.drain(0)
    services.close()


def session_for(services: Services, caller: Principal = ALICE, door: str = "chat", id: str = "t-1") -> Session:
    return services.sessions.for_alias(door, id, caller, agent_id="assistant")


def test_the_first_use_creates_the_session_and_later_ones_find_it(services: Services) -> None:
    first = services.sessions.for_alias("chat", "t-1", ALICE, agent_id="poet", user_id="u", metadata={"a": 1})
    assert (first.owner, first.agent_id, first.user_id, first.metadata) == ("alice", "poet", "u", {"a": 1})
    assert session_for(services) == services.sessions.get(first.id, ALICE) == first


def test_an_alias_is_found_once_it_was_used_and_by_its_owner_alone(services: Services) -> None:
    assert services.sessions.find_alias("chat", "t-1", ALICE) is None
    first = session_for(services)
    assert services.sessions.find_alias("chat", "t-1", ALICE) == first
    assert services.sessions.find_alias("chat", "t-1", BOB) is None
    assert services.sessions.find_alias("ag-ui", "t-1", ALICE) is None
    services.sessions.delete(first.id, ALICE)
    assert services.sessions.find_alias("chat", "t-1", ALICE) is None
    with pytest.raises(InvalidRequest):
        services.sessions.find_alias("chat", "", ALICE)


def test_an_alias_is_of_its_owner_and_door_alone(services: Services) -> None:
    found = [
        session_for(services),
        session_for(services, BOB),
        session_for(services, ADA),
        session_for(services, door="ag-ui"),
        session_for(services, id="t-2"),
    ]
    assert len({session.id for session in found}) == 5
    assert [session.owner for session in found] == ["alice", "bob", "ada", "alice", "alice"]


def test_many_first_uses_at_once_get_one_session(services: Services) -> None:
    found: list[Session] = []
    threads = [threading.Thread(target=lambda: found.append(session_for(services))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len({session.id for session in found})) == (8, 1)
    assert len(services.sessions.list(SessionFilter(), Paging(), ALICE).items) == 1


def test_an_alias_is_gone_with_its_session(services: Services) -> None:
    first = session_for(services)
    services.sessions.delete(first.id, ALICE)
    assert session_for(services).id != first.id


def test_the_data_of_an_owner_is_deleted_with_its_aliases(services: Services) -> None:
    first = session_for(services)
    services.sessions.for_alias("chat", "t-2", ALICE, agent_id="assistant", user_id="u")
    kept = session_for(services, BOB)
    deleted = services.owner_data.delete("alice", user_id="u")
    assert (deleted.sessions, deleted.aliases) == (1, 1)
    deleted = services.owner_data.delete("alice")
    assert (deleted.sessions, deleted.aliases) == (1, 1)
    assert session_for(services, BOB).id == kept.id
    assert session_for(services).id != first.id


@pytest.mark.parametrize("id", ["x", "x" * 512, "ünï 漢字 \U0001f600", "a b", "é" * 512])
def test_ids_of_many_kinds_are_accepted(services: Services, id: str) -> None:
    assert session_for(services, id=id).id == session_for(services, id=id).id


@pytest.mark.parametrize("id", ["", "x" * 513, "a\nb", "a\0b", "\ud800", "a\u202eb"])
def test_an_id_that_is_no_printable_text_of_a_bounded_length_is_refused(services: Services, id: str) -> None:
    with pytest.raises(InvalidRequest, match="accepted are 1 to 512 printable characters"):
        session_for(services, id=id)


@pytest.mark.parametrize("door", ["", "Chat", "a b", "x" * 65, "1"])
def test_a_door_that_is_no_name_is_refused(services: Services, door: str) -> None:
    with pytest.raises(InvalidRequest, match=r"door .* is not accepted: 1 to 64 of lower-case letters"):
        session_for(services, door=door)


def test_metadata_of_a_new_session_is_bounded(services: Services) -> None:
    with pytest.raises(InvalidRequest, match="AGENTOS_MAX_METADATA_SIZE"):
        services.sessions.for_alias("chat", "t", ALICE, agent_id="a", metadata={"a": "x" * 70000})
    assert not services.sessions.list(SessionFilter(), Paging(), ALICE).items
