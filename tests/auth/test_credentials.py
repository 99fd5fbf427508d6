"""One request has one credential: two different ones are refused, wherever each of them is."""

import base64
import json
import socket
import subprocess
import sys
from typing import Any

import pytest

from api.conftest import Served
from auth.issuer import SECRET, token
from parts.server import AgentOSServer

AGENTS = "/api/v1/agents"
BASIC = "Basic " + base64.b64encode(b"user:password").decode()
DIFFERENT = "Authorization and X-API-Key hold different credentials; send one of them"
TWICE = ("Authorization was sent more than once", "X-API-Key was sent more than once")
NONE = "no credential was given"


@pytest.fixture
def guarded(serve) -> Served:
    return serve(auth=("api_key", "jwt"), jwt_key=SECRET, jwt_algorithms=("HS256",))


def new_keys(served: Served) -> tuple[str, str]:
    return tuple(served.services.keys.create(name=name)[0] for name in ("one", "two"))  # type: ignore[return-value]


def ask(served: Served, *, authorization: str | None = None, key: str | None = None) -> Any:
    headers = {"Authorization": authorization, "X-API-Key": key}
    given = {name: value for name, value in headers.items() if value is not None}
    return served.client.get(AGENTS, headers=given)


@pytest.mark.parametrize(
    ("authorization", "key", "said"),
    [
        # One, or the same one twice.
        ("Bearer {one}", None, ""),
        (None, "{one}", ""),
        ("Bearer {jwt}", None, ""),
        ("Bearer {one}", "{one}", ""),
        ("bearer  {one} ", "{one}", ""),
        # An empty header is none.
        ("", "{one}", ""),
        ("Bearer", "{one}", ""),
        ("Bearer ", "{one}", ""),
        # Two, of whatever kinds, also where one of them is not valid.
        ("Bearer {one}", "{two}", DIFFERENT),
        ("Bearer {jwt}", "{one}", DIFFERENT),
        ("Bearer {one}", "{jwt}", DIFFERENT),
        ("Bearer {one}", "", DIFFERENT),
        ("Bearer {one}", "{one}x", DIFFERENT),
        ("Bearer opaque", "{one}", DIFFERENT),
        ("{basic}", "{one}", DIFFERENT),
        ("Digest username=a, realm=b", "{one}", DIFFERENT),
        ("Negotiate abc", "{one}", DIFFERENT),
        ("{one}", "{one}", ""),
        ("{one}", "{two}", DIFFERENT),
        # What a server makes of two headers of one name.
        ("Bearer {one},Bearer {two}", None, TWICE[0]),
        ("Bearer {one}, Bearer {one}", None, TWICE[0]),
        ("Bearer {one}, Bearer {one}", "{one}", TWICE[0]),
        ("Bearer {jwt},Bearer {one}", None, TWICE[0]),
        ("Bearer {one},{basic}", None, TWICE[0]),
        ("{basic},Bearer {one}", None, TWICE[0]),
        ("{basic}, bearer {one}", None, TWICE[0]),
        ("Digest username=a, realm=b, Bearer {one}", None, TWICE[0]),
        (None, "{one},{two}", TWICE[1]),
        (None, "{one}, {one}", TWICE[1]),
        ("Bearer {one}", "{one},{one}", TWICE[1]),
        # None that is taken.
        ("{basic}", None, NONE),
        ("Digest username=a, realm=b", None, NONE),
        (None, None, NONE),
    ],
)
def test_two_credentials_are_refused(guarded, authorization: str | None, key: str | None, said: str) -> None:
    one, two = new_keys(guarded)
    words = {"one": one, "two": two, "jwt": token("HS256"), "basic": BASIC}
    sent = {"authorization": authorization, "key": key}
    answer = ask(guarded, **{name: text and text.format(**words) for name, text in sent.items()})
    if said:
        assert (answer.status_code, answer.json["code"]) == (401, "UNAUTHENTICATED")
        assert answer.json["message"].startswith(said)
        assert not any(secret in answer.text for secret in (one, two))
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("order", [("api_key", "jwt"), ("jwt", "api_key")])
def test_which_one_counts_never_depends_on_the_order_of_authenticators(serve, order: tuple[str, ...]) -> None:
    served = serve(auth=order, jwt_key=SECRET, jwt_algorithms=("HS256",))
    assert ask(served, authorization=f"Bearer {token('HS256')}", key=new_keys(served)[0]).status_code == 401


def test_the_real_server_refuses_two_headers_of_one_name(tmp_path) -> None:
    env = {"AGENTOS_DATABASE_URL": f"sqlite:///{tmp_path}/agentos.db", "AGENTOS_AUTH": "api_key"}
    with AgentOSServer(env, cwd=tmp_path, workers=1, plugins="none") as server:
        one, two = (create_key(server, name) for name in ("one", "two"))
        rows = [
            (200, [f"Authorization: Bearer {one}"]),
            (200, [f"Authorization: Bearer {one}", f"X-API-Key: {one}"]),
            (401, [f"Authorization: Bearer {one}", f"X-API-Key: {two}"]),
            (401, [f"Authorization: Bearer {one}", f"Authorization: Bearer {two}"]),
            (401, [f"Authorization: {BASIC}", f"Authorization: Bearer {one}"]),
            (401, [f"Authorization: Bearer {one}", f"Authorization: {BASIC}"]),
            (401, [f"X-API-Key: {one}", f"X-API-Key: {two}"]),
        ]
        assert [status_of(server.url, headers) for _, headers in rows] == [status for status, _ in rows]


def create_key(server: AgentOSServer, name: str) -> str:
    command = [sys.executable, "-m", "flask", "agentos", "keys", "create", name, "--json"]
    done = subprocess.run(
        command, cwd=server.cwd, env=server.environment, capture_output=True, text=True, check=True, timeout=60
    )
    return str(json.loads(done.stdout)["key"])


def status_of(url: str, headers: list[str]) -> int:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        lines = [f"GET {AGENTS} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", *headers]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.makefile("rb").readline().split()[1])
