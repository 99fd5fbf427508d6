from __future__ import annotations

import gc
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from agentos.cancellation import Cancellation
from agentos.errors import ConfigError, ProviderError, ProviderUnavailable, RunCancelled, RunTimeout
from agentos.http.connection import Connection
from agentos.http.deadline import CallDeadline
from agentos.models.chat_completions import ChatCompletions
from agentos.models.deltas import Arrival, TextDelta, each
from parts.model_behaviours import TEXT
from parts.model_server import ModelServer
from parts.proxy import Proxy

TLS = Path(__file__).parents[1] / "parts" / "tls"


@pytest.fixture
def tls_server() -> Iterator[ModelServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem")
    with ModelServer(tls=context) as server:
        yield server


@pytest.fixture
def tls_client(tls_server: ModelServer) -> Iterator[ChatCompletions]:
    trusted = ssl.create_default_context(cafile=TLS / "server.pem")
    client = ChatCompletions(tls_server.url, token_timeout=5, tls=trusted)
    yield client
    client.close()


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """A port that accepts connections and never says a word, nor reads one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def text(client: ChatCompletions, request) -> str:
    return "".join(delta.text for delta in each(client.stream(request)) if isinstance(delta, TextDelta))


def test_a_connection_serves_one_call_after_the_other(client: ChatCompletions, server: ModelServer, ask) -> None:
    for model in ("text", "fault-400", "odd-document", "odd-no-done", "text"):
        try:
            list(client.stream(ask(model)))
        except ProviderError:
            assert model == "fault-400"
    assert server.connections == 1


@pytest.mark.parametrize("model", ["odd-until-close", "odd-open-end"])
def test_a_connection_that_did_not_end_its_body_is_not_kept(
    client: ChatCompletions, server: ModelServer, ask, model: str
) -> None:
    text(client, ask(model))
    text(client, ask("text"))
    assert server.connections == 2


def test_a_kept_connection_that_died_is_replaced_unseen(client: ChatCompletions, server: ModelServer, ask) -> None:
    text(client, ask("text"))
    server.drop_idle()
    assert text(client, ask("text")) == TEXT
    assert server.connections == 2


def test_a_kept_connection_with_something_to_read_is_not_used(client, server: ModelServer, ask) -> None:
    text(client, ask("odd-late-408"))
    time.sleep(0.1)
    assert text(client, ask("text")) == TEXT


def test_a_kept_connection_that_dies_under_the_request_is_replaced_once(client, server: ModelServer, ask) -> None:
    text(client, ask("text"))
    with pytest.raises(ProviderUnavailable):
        list(client.stream(ask("fault-close")))
    assert server.calls["fault-close"] == 2
    assert server.connections == 2


def test_a_new_connection_that_dies_is_not_replaced(client: ChatCompletions, server: ModelServer, ask) -> None:
    with pytest.raises(ProviderUnavailable):
        list(client.stream(ask("fault-close")))
    assert server.calls["fault-close"] == 1


def test_a_consumer_that_leaves_cuts_the_call(client: ChatCompletions, server: ModelServer, ask) -> None:
    stream = client.stream(ask("fault-endless"))
    next(stream)
    del stream
    gc.collect()
    assert server.wait_for_cuts()
    assert text(client, ask("text")) == TEXT


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(
    "model", ["fault-silence", "fault-silence-headers", "fault-silence-midway", "fault-endless", "fault-drip"]
)
def test_a_cancelled_call_is_cut_at_once(request, ask, model: str, secure: bool) -> None:
    server = request.getfixturevalue("tls_server" if secure else "server")
    client = ChatCompletions(
        server.url, token_timeout=30, tls=ssl.create_default_context(cafile=TLS / "server.pem") if secure else None
    )
    cancellation = Cancellation()
    timer = threading.Timer(0.3, cancellation.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(RunCancelled):
        list(client.stream(ask(model, seconds=30, cancellation=cancellation)))
    assert 0.2 < time.monotonic() - began < 1.3
    assert server.wait_for_cuts()
    timer.join()
    client.close()


def test_a_cancelled_request_on_a_kept_connection_is_not_sent_again(client, server: ModelServer, ask) -> None:
    text(client, ask("text"))
    cancellation = Cancellation()
    timer = threading.Timer(0.2, cancellation.cancel)
    timer.start()
    with pytest.raises(RunCancelled):
        list(client.stream(ask("fault-silence", cancellation=cancellation)))
    timer.join()
    assert server.calls["fault-silence"] == 1


def test_a_cancelled_call_hands_on_nothing_that_was_still_to_be_read(client, server: ModelServer, ask) -> None:
    cancellation = Cancellation()
    stream = client.stream(ask("fault-endless-fast", cancellation=cancellation))
    next(stream)
    cancellation.cancel()
    rest: list[Arrival] = []
    with pytest.raises(RunCancelled):
        rest.extend(stream)
    assert rest == []


def test_a_dropped_connection_stops_a_server_that_waits_to_send(mute: socket.socket) -> None:
    connection = Connection("127.0.0.1", mute.getsockname()[1])
    connection.open(CallDeadline(time.monotonic() + 5, silence=1), timeout=1)
    peer, _ = mute.accept()
    peer.settimeout(3)
    with peer, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(peer.sendall, b"x" * 50_000_000)
        time.sleep(0.3)
        connection.cut()
        while connection.sock.recv(65536):
            pass
        connection.abort()
        with pytest.raises(ConnectionError):
            sending.result()


def test_a_cancelled_run_does_not_call_at_all(client: ChatCompletions, server: ModelServer, ask) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(RunCancelled):
        list(client.stream(ask("text", cancellation=cancellation)))
    assert server.connections == 0


def test_a_tls_handshake_without_an_answer_is_cut(mute: socket.socket, ask) -> None:
    client = ChatCompletions(f"https://127.0.0.1:{mute.getsockname()[1]}/v1", token_timeout=30, connect_timeout=30)
    cancellation = Cancellation()
    timer = threading.Timer(0.3, cancellation.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(RunCancelled):
        list(client.stream(ask("text", seconds=30, cancellation=cancellation)))
    assert time.monotonic() - began < 1.3
    timer.join()


def test_connecting_has_a_time_limit_of_its_own(mute: socket.socket, ask) -> None:
    client = ChatCompletions(f"https://127.0.0.1:{mute.getsockname()[1]}/v1", token_timeout=30, connect_timeout=0.3)
    with pytest.raises(ProviderUnavailable, match=r"silent for 0\.3 s"):
        list(client.stream(ask("text", seconds=30)))


def test_a_request_that_is_not_taken_ends_at_the_deadline(mute: socket.socket, ask) -> None:
    client = ChatCompletions(f"http://127.0.0.1:{mute.getsockname()[1]}/v1", token_timeout=30)
    with pytest.raises(RunTimeout):
        list(client.stream(ask("text", text="x" * 20_000_000, seconds=0.5)))


def test_one_client_serves_many_threads(client: ChatCompletions, ask) -> None:
    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(lambda number: text(client, ask("echo", f"number {number}")), range(64)))
    assert said == [f"number {number}" for number in range(64)]


def test_a_large_request_and_a_long_answer_fit(server: ModelServer, ask) -> None:
    # The server needs a while to read it and to cut it into words.
    client = ChatCompletions(server.url, token_timeout=20)
    long = ("x" * 99 + " ") * 20_000
    assert text(client, ask("echo", long, seconds=30)) == long
    client.close()


def test_headers_can_be_asked_for_at_every_call(server: ModelServer, ask) -> None:
    keys = iter(("one", "two"))
    client = ChatCompletions(server.url, lambda: {"Authorization": f"Bearer {next(keys)}"}, token_timeout=1)
    text(client, ask("text"))
    text(client, ask("text"))
    assert [headers["authorization"] for headers in server.headers] == ["Bearer one", "Bearer two"]
    client.close()


def test_credentials_and_query_of_the_base_url_are_sent(server: ModelServer, ask) -> None:
    url = server.url.replace("//", "//me:se%20cret@") + "/?version=1"
    client = ChatCompletions(url, token_timeout=1)
    text(client, ask("text"))
    assert server.headers[0]["authorization"] == "Basic bWU6c2UgY3JldA=="
    assert server.targets == ["/v1/chat/completions?version=1"]
    client.close()


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:80", "http://", "http://[::1", "/v1"])
def test_a_base_url_that_cannot_be_right_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL"):
        ChatCompletions(url, token_timeout=1)


def test_a_key_that_http_cannot_carry_is_refused_without_being_told(server: ModelServer, ask) -> None:
    client = ChatCompletions(server.url, {"Authorization": "Bearer a\nb"}, token_timeout=1)
    with pytest.raises(ProviderError, match="does not allow") as raised:
        list(client.stream(ask("text")))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_tls_connections_are_verified_and_kept(tls_server: ModelServer, tls_client: ChatCompletions, ask) -> None:
    assert text(tls_client, ask("text")) == TEXT
    assert text(tls_client, ask("odd-bytes")) == TEXT
    assert tls_server.connections == 1


def test_a_context_with_sockets_of_its_own_keeps_them(tls_server: ModelServer, ask) -> None:
    class Theirs(ssl.SSLSocket):
        pass

    context = ssl.create_default_context(cafile=TLS / "server.pem")
    context.sslsocket_class = Theirs
    client = ChatCompletions(tls_server.url, token_timeout=5, tls=context)
    assert text(client, ask("text")) == TEXT
    assert context.sslsocket_class is Theirs
    client.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_server: ModelServer, ask) -> None:
    client = ChatCompletions(tls_server.url, token_timeout=1)
    with pytest.raises(ProviderUnavailable, match="certificate is not trusted"):
        list(client.stream(ask("text")))


def test_another_hosts_certificate_is_refused(monkeypatch, tls_server: ModelServer, ask) -> None:
    with Proxy(tls_server.port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        trusted = ssl.create_default_context(cafile=TLS / "server.pem")
        client = ChatCompletions("https://other.example/v1", token_timeout=1, tls=trusted)
        with pytest.raises(ProviderUnavailable, match="certificate is not trusted"):
            list(client.stream(ask("text")))


def test_loopback_is_reached_without_the_proxy(monkeypatch, server: ModelServer, ask) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client = ChatCompletions(server.url, token_timeout=1)
    assert text(client, ask("text")) == TEXT
    client.close()


def test_a_plain_server_is_reached_through_the_proxy(monkeypatch, server: ModelServer, ask) -> None:
    with Proxy(server.port) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        client = ChatCompletions("http://model.example/v1", token_timeout=2)
        assert text(client, ask("text")) == TEXT
        client.close()
    assert proxy.requests == [("POST http://model.example:80/v1/chat/completions HTTP/1.1", "Basic bWU6cHc=")]


def test_a_tls_server_is_reached_through_a_tunnel(monkeypatch, tls_server: ModelServer, ask) -> None:
    with Proxy(tls_server.port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        trusted = ssl.create_default_context(cafile=TLS / "server.pem")
        client = ChatCompletions("https://model.example/v1", token_timeout=2, tls=trusted)
        assert text(client, ask("text")) == TEXT
        client.close()
    assert [(line.split()[:2], auth) for line, auth in proxy.requests] == [
        (["CONNECT", "model.example:443"], "Basic bWU6cHc=")
    ]


@pytest.mark.parametrize("excepted", ["model.example", ".example", "*"])
def test_no_proxy_excepts_hosts(monkeypatch, ask, excepted: str) -> None:
    with Proxy(1) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", excepted)
        client = ChatCompletions("http://model.example/v1", token_timeout=1, connect_timeout=1)
        with pytest.raises(ProviderUnavailable):
            list(client.stream(ask("text", seconds=2)))
    assert proxy.requests == []


def test_no_proxy_excepts_networks(monkeypatch, ask) -> None:
    with Proxy(1) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "192.0.2.0/24")
        client = ChatCompletions("http://192.0.2.7/v1", token_timeout=1, connect_timeout=0.2)
        with pytest.raises(ProviderUnavailable):
            list(client.stream(ask("text")))
    assert proxy.requests == []


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import ssl, sys, threading, time
from agentos.domain.message import Message
from agentos.errors import RunCancelled, RunTimeout
from agentos.models.chat_completions import ChatCompletions
from agentos.cancellation import Cancellation
from agentos.models.request import ModelRequest

url, certificate = sys.argv[1:]
tls = ssl.create_default_context(cafile=certificate) if url.startswith("https") else None
client = ChatCompletions(url, token_timeout=30, tls=tls)
def request(model, seconds, **fields):
    return ModelRequest(model=model, messages=[Message("user", "Hi")], deadline=time.monotonic() + seconds, **fields)
for model in ("fault-silence", "fault-silence-midway", "fault-endless-fast"):
    cancellation = Cancellation()
    timer = threading.Timer(0.3, cancellation.cancel)
    timer.start()
    began = time.monotonic()
    try:
        list(client.stream(request(model, 20, cancellation=cancellation)))
    except RunCancelled:
        print("cut" if time.monotonic() - began < 1.5 else f"late {time.monotonic() - began}")
try:
    list(client.stream(request("fault-drip", 0.5)))
except RunTimeout:
    print("over")
"""


@pytest.mark.parametrize("secure", [False, True])
def test_calls_are_cut_in_a_cooperative_worker_too(request, secure: bool) -> None:
    server = request.getfixturevalue("tls_server" if secure else "server")
    command = [sys.executable, "-c", UNDER_GEVENT, server.url, str(TLS / "server.pem")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split(), done.stderr) == (["cut", "cut", "cut", "over"], "")
    assert server.wait_for_cuts(4)


RESET_TUNNELS = """
import gc, ssl, sys, time
if sys.argv[1] == "gevent":
    from gevent import monkey
    monkey.patch_all()
from agentos.domain.message import Message
from agentos.errors import ProviderUnavailable
from agentos.models.chat_completions import ChatCompletions
from agentos.models.request import ModelRequest

client = ChatCompletions("https://model.example/v1", token_timeout=5)
failures = []
for _ in range(5):
    try:
        list(client.stream(ModelRequest(model="m", messages=[Message("user", "Hi")], deadline=time.monotonic() + 5)))
    except ProviderUnavailable as failure:
        failures.append(failure)  # Its traceback keeps alive whatever was left behind.
left = [made for made in gc.get_objects() if issubclass(type(made), ssl.SSLSocket) and made.fileno() >= 0]
print(len(failures), "failed,", len(left), "open")
"""


@pytest.mark.parametrize("worker", ["threads", "gevent"])
def test_a_tunnel_that_is_reset_before_tls_begins_leaves_no_socket_open(monkeypatch, worker: str) -> None:
    def agree_and_reset() -> None:
        with suppress(OSError):
            while True:
                sock, _ = proxy.accept()
                with sock:
                    sock.recv(65536)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        thread = threading.Thread(target=agree_and_reset, daemon=True)
        thread.start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        command = [sys.executable, "-c", RESET_TUNNELS, worker]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        proxy.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert (done.stdout, done.stderr) == ("5 failed, 0 open\n", "")


OUT_OF_DESCRIPTORS = """
import gc, os, resource, socket, time
from agentos.domain.message import Message
from agentos.errors import ProviderUnavailable
from agentos.models.chat_completions import ChatCompletions
from agentos.models.request import ModelRequest

client = ChatCompletions("http://127.0.0.1:9/v1", token_timeout=5)
request = ModelRequest(model="m", messages=[Message("user", "Hi")], deadline=time.monotonic() + 5)
next_one = os.dup(0)
os.close(next_one)
resource.setrlimit(resource.RLIMIT_NOFILE, (next_one + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    list(client.stream(request))
except ProviderUnavailable as failure:
    left = [made for made in gc.get_objects() if issubclass(type(made), socket.socket) and made.fileno() >= 0]
    print(failure.__cause__.strerror, len(left))
"""


def test_a_connection_that_takes_the_last_descriptor_gives_it_back() -> None:
    command = [sys.executable, "-c", OUT_OF_DESCRIPTORS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("Too many open files 0\n", "")


def test_importing_the_client_opens_nothing_and_brings_no_sdk() -> None:
    code = "import sys, agentos.models.chat_completions; print('openai' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]
