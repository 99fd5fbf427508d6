import socket
import threading
import time
from collections.abc import Iterator

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

RUN = "/api/v1/agents/scripted/run"


@pytest.fixture
def server(serve) -> Iterator[BaseWSGIServer]:
    """A real server with real sockets, where a request has half a second."""
    server = make_server("127.0.0.1", 0, serve(request_timeout=0.5).app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("trickling", [False, True])
def test_a_body_that_does_not_arrive_in_time_is_cut_off(server: BaseWSGIServer, trickling: bool) -> None:
    with socket.create_connection(server.server_address, timeout=10) as client:
        fields = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
        client.sendall(f"POST {RUN} HTTP/1.1\r\n{fields}\r\n".encode())
        began = time.monotonic()
        client.settimeout(0.1)
        answer = b""
        while b"}" not in answer and time.monotonic() - began < 8:
            try:
                if trickling:
                    client.sendall(b" ")
                answer += client.recv(65536)
            except TimeoutError:
                continue
        assert time.monotonic() - began < 4
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"did not arrive within 0.5 s" in answer
