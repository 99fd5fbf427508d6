"""API keys, as a client and an operator meet them."""

import hashlib
import threading
import time
from datetime import timedelta

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.domain.session import Session
from agentos.domain.times import utc_now
from agentos.errors import InvalidRequest, NotFound
from agentos.storage.admission import Lease
from api.conftest import Served

AGENTS = "/api/v1/agents"
REFUSED = "the API key is not valid: there is no such key, or it has expired or was revoked"
UNKNOWN = f"aos_{'0' * 16}_{'A' * 43}"


@pytest.fixture
def guarded(serve) -> Served:
    return serve(auth=("api_key",))


def new_key(served: Served, **fields) -> str:
    return served.services.keys.create(**{"name": "client", "owner": "alice", **fields})[0]


def ask(served: Served, **headers: str):
    return served.client.get(AGENTS, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_without_a_key_nothing_is_answered(guarded):
    answer = ask(guarded)
    assert (answer.status_code, answer.json["code"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_is_taken_as_a_bearer_token(guarded, scheme):
    assert ask(guarded, Authorization=f"{scheme} {new_key(guarded)}").status_code == 200


def test_a_key_is_taken_in_its_own_header(guarded):
    assert ask(guarded, X_API_Key=new_key(guarded)).status_code == 200


@pytest.mark.parametrize("name", ["api_key", "key", "access_token", "token", "X-API-Key", "Authorization"])
def test_a_key_in_a_query_is_no_credential(guarded, name):
    answer = guarded.client.get(f"{AGENTS}?{name}={new_key(guarded)}")
    assert answer.status_code == 401
    assert answer.json["message"].startswith("no credential")
    assert answer.json["message"].endswith("a key in the address is never accepted")


def test_a_good_key_does_not_make_up_for_a_bad_one(guarded):
    assert ask(guarded, Authorization=f"Bearer {UNKNOWN}", X_API_Key=new_key(guarded)).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda key: UNKNOWN,
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key + "A" * 5000,
        lambda key: key.upper(),
        lambda key: key.removeprefix("aos_"),
        lambda key: f"aos_{key[4:20]}_",
        lambda key: f"aos_{key[4:20]}",
        lambda key: "aos_",
        lambda key: f"{key}\u00e9",
        lambda key: hashlib.sha256(key.encode()).hexdigest(),
        lambda key: "",
        lambda key: "' OR 1=1 --",
    ],
)
def test_what_is_no_key_is_refused_in_the_same_words(guarded, change):
    answer = ask(guarded, X_API_Key=change(new_key(guarded)))
    assert (answer.status_code, answer.json["message"]) == (401, REFUSED)


def test_a_revoked_key_ends_with_the_next_request(guarded):
    key = new_key(guarded)
    assert ask(guarded, X_API_Key=key).status_code == 200
    guarded.services.keys.revoke(key.split("_")[1])
    answer = ask(guarded, X_API_Key=key)
    assert (answer.status_code, answer.json["message"]) == (401, REFUSED)


def test_a_key_revoked_at_one_worker_ends_at_the_others(serve_pair):
    first, second = serve_pair(auth=("api_key",))
    key = new_key(first)
    assert ask(second, X_API_Key=key).status_code == 200
    first.services.keys.revoke(key)
    assert ask(second, X_API_Key=key).status_code == 401


def test_a_key_ends_when_it_expires(guarded):
    expires_at = utc_now() + timedelta(seconds=1)
    key = new_key(guarded, expires_at=expires_at)
    assert ask(guarded, X_API_Key=key).status_code == 200
    time.sleep((expires_at - utc_now()).total_seconds())
    answer = ask(guarded, X_API_Key=key)
    assert (answer.status_code, answer.json["message"]) == (401, REFUSED)


def test_a_key_may_what_its_scopes_say(guarded):
    key = {"X-API-Key": new_key(guarded, scopes=["sessions:write"])}
    assert guarded.client.post("/api/v1/sessions", json={"agent_id": "scripted"}, headers=key).status_code == 201
    answer = guarded.client.get(AGENTS, headers=key)
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")


def test_keys_of_one_owner_share_what_they_see_and_others_see_nothing(guarded):
    old, new, other = (
        {"X-API-Key": new_key(guarded, owner=owner, scopes=["sessions:read", "sessions:write"])}
        for owner in ("alice", "alice", "bob")
    )
    made = guarded.client.post("/api/v1/sessions", json={"agent_id": "scripted"}, headers=old).json["session_id"]
    seen = {
        name: guarded.client.get(f"/api/v1/sessions/{made}", headers=key)
        for name, key in {"new": new, "other": other}.items()
    }
    assert (seen["new"].status_code, seen["other"].status_code) == (200, 404)


def test_of_two_keys_that_are_made_of_one_name_at_once_one_is_made(guarded):
    refused = []

    def create():
        try:
            guarded.services.keys.create(name="laptop")
        except InvalidRequest as error:
            refused.append(error.message)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert len(guarded.services.storage.keys.list()) == 1


@pytest.mark.parametrize("thing", ["session", "run"])
def test_a_new_key_never_gets_what_a_user_without_a_key_has(guarded, thing):
    """The user of a token, for example."""
    storage = guarded.services.storage
    if thing == "session":
        storage.sessions.create(
            Session(id="s", agent_id="a", owner="carol", created_at=utc_now(), updated_at=utc_now())
        )
    else:
        run = Run(id="r", agent_id="a", owner="carol", input="x", status=RunStatus.QUEUED, created_at=utc_now())
        storage.runs.admit(run, claim=Lease("w", 60), owner="carol", history_turns=0)
    with pytest.raises(InvalidRequest, match=r"'carol' is a user that has .* Give 'owner': 'carol'"):
        guarded.services.keys.create(name="carol")
    assert guarded.services.keys.create(name="carol", owner="carol")[1].owner == "carol"


def test_of_a_key_only_its_hash_is_kept(guarded):
    text, key = guarded.services.keys.create(name="client", owner="alice")
    (kept,) = guarded.services.storage.keys.list()
    assert kept == key
    assert kept.digest == hashlib.sha256(text.encode()).hexdigest()
    assert text.split("_", 2)[2] not in repr(kept)
    assert kept.digest not in repr(kept)


def test_no_two_keys_are_alike(guarded):
    keys = {new_key(guarded) for _ in range(100)}
    assert len(keys) == 100
    assert len({key.split("_")[1] for key in keys}) == 100


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "name ''"),
        ({"name": "a\nb"}, "name 'a\\nb'"),
        ({"name": "a" * 256}, "1 to 255 characters"),
        ({"owner": ""}, "owner ''"),
        ({"owner": "a\x00"}, "owner 'a\\x00'"),
        ({"scopes": []}, "no scope was given; accepted are agents:read, "),
        ({"scopes": ["agents:read", "all"]}, "unknown scopes 'all'; accepted are agents:read, "),
        ({"scopes": ["agents:run:"]}, "unknown scopes 'agents:run:'"),
        ({"scopes": ["agents:read:x"]}, "unknown scopes 'agents:read:x'"),
        ({"expires_at": utc_now() - timedelta(seconds=1)}, "is over"),
        ({"expires_at": utc_now().replace(tzinfo=None) + timedelta(days=1)}, "no time zone"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(guarded, fields, said):
    with pytest.raises(InvalidRequest) as refused:
        new_key(guarded, **fields)
    assert said in refused.value.message
    assert guarded.services.storage.keys.list() == []


def test_revoking_what_is_not_there_says_so_without_repeating_a_secret(guarded):
    key = new_key(guarded)
    with pytest.raises(NotFound, match="not found; an ID has 16 digits") as refused:
        guarded.services.keys.revoke(f"{key}x")
    assert key[20:] not in refused.value.message


def test_revoking_again_keeps_the_first_time(guarded):
    id = new_key(guarded).split("_")[1]
    first = guarded.services.keys.revoke(id).revoked_at
    assert first is not None
    assert guarded.services.keys.revoke(id).revoked_at == first
