"""How a deployment starts, waits and ends."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import psutil
import pytest

from parts.server import ROOT


def get(url):
    """Return status, headers and body, whatever the status is."""
    try:
        response = urllib.request.urlopen(url, timeout=20)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return response.status, response.headers, response.read().decode()


class Background(threading.Thread):
    """A request under way; ``result()`` is its answer."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.answer = url, None
        self.first = threading.Event()
        self.start()

    def run(self):
        try:
            with urllib.request.urlopen(self.url, timeout=30) as response:
                self.answer = ""
                for line in response:
                    self.answer += line.decode()
                    self.first.set()
        except Exception as error:
            self.answer = repr(error)

    def result(self):
        self.join(30)
        return self.answer


def events(server):
    return [line.split(" ", 1)[1] for line in (server.cwd / "events.txt").read_text().splitlines()]


def test_the_last_line_printed_is_a_curl_for_the_assistant_once_all_workers_serve(serve):
    server = serve(workers=3)
    server.wait_for(server.output, what="printing its first line")

    lines = server.output().splitlines()

    assert lines == [
        f"curl -s {server.url}/api/v1/agents/assistant/run -H 'Content-Type: application/json'"
        ' -d \'{"input": "Write one sentence about the sea."}\''
    ]


def test_it_is_the_last_line_of_a_terminal_where_the_log_is_shown_too(tmp_path):
    terminal = tmp_path / "terminal"
    with terminal.open("wb") as both:
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
        environment = {**os.environ, "AGENTOS_ADDRESS": "127.0.0.1:0", "AGENTOS_WORKERS": "4", "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=both, stderr=both)
    try:
        deadline = time.monotonic() + 60
        while "curl" not in terminal.read_text() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        assert terminal.read_text().splitlines()[-1].startswith("curl -s ")
    finally:
        process.terminate()
        process.wait(30)


def test_all_interfaces_are_printed_as_an_address_that_can_be_called(serve):
    server = serve(env={"AGENTOS_ADDRESS": ":0", "AGENTOS_ALLOW_ANONYMOUS": "1"}, wait=False)
    server.wait_for(lambda: server.output(), what="ready")

    assert server.output().startswith("curl -s http://127.0.0.1:")


def test_no_curl_is_printed_without_an_agent(serve):
    assert serve(env={"AGENTOS_ASSISTANT": "0"}).output() == ""


def test_a_worker_that_is_replaced_prints_nothing_more(serve):
    server = serve()
    server.wait_for(server.output, what="printing its first line")
    printed = server.output()

    os.kill(server.worker_pids()[0], signal.SIGKILL)
    server.wait_for(lambda: server.log().count("worker ready") == 2, what="back")

    assert server.output() == printed


def test_two_slow_requests_overlap_in_one_worker(serve):
    server = serve()
    start = time.monotonic()

    slow = [Background(f"{server.url}/slow/1") for _ in range(2)]
    answers = {one.result() for one in slow}

    assert len(answers) == 1
    assert "pid" in answers.pop()
    assert time.monotonic() - start < 1.8


def test_sigterm_lets_a_stream_under_way_finish(serve):
    server = serve(workers=2)
    stream = Background(f"{server.url}/stream/15")
    assert stream.first.wait(5)

    assert server.stop() == 0

    assert stream.result().endswith("complete\n")
    assert sorted(events(server)[4:]) == ["close", "close", "drain 25", "drain 25"]


def test_a_stream_that_outlasts_the_drain_is_told_so_and_the_server_still_closes_in_order(serve):
    server = serve(env={"AGENTOS_DRAIN_TIMEOUT": "0.5"})
    stream = Background(f"{server.url}/stream/1000")
    assert stream.first.wait(5)

    assert server.stop() == 0

    assert stream.result().endswith("lost\n")
    assert events(server)[1:] == ["start", "drain 0.5", "close"]
    assert "SIGKILL" not in server.log()


def test_while_it_drains_a_new_run_hears_that_the_server_shuts_down_and_health_answers(serve):
    server = serve(workers=2)
    url = server.url
    streams = [Background(f"{url}/stream/20") for _ in range(8)]  # so that neither worker is done at once
    assert all(stream.first.wait(5) for stream in streams)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for(lambda: events(server).count("drain 25") == 2, what="draining")

    refused, _, _ = get(f"{url}/stream/1")
    healthy, headers, _ = get(f"{url}/health")

    assert (refused, healthy) == (503, 200)
    assert headers["Connection"] == "close"
    assert all(stream.result().endswith("complete\n") for stream in streams)


def test_a_second_sigterm_changes_nothing(serve):
    server = serve()
    stream = Background(f"{server.url}/stream/10")
    assert stream.first.wait(5)

    for pid in [server.pid, *server.worker_pids()] * 2:
        os.kill(pid, signal.SIGTERM)

    assert server.stop() == 0
    assert stream.result().endswith("complete\n")
    assert events(server)[1:] == ["start", "drain 25", "close"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_sigint_ends_at_once_but_in_order(serve, number):
    server = serve()
    stream = Background(f"{server.url}/stream/1000")
    assert stream.first.wait(5)
    start = time.monotonic()

    assert server.stop(number) == 0

    assert time.monotonic() - start < 4
    assert stream.result().endswith("lost\n")
    assert events(server)[1:] == ["start", "drain 0", "close"]


def test_sigint_during_a_drain_cuts_it_short(serve):
    server = serve()
    stream = Background(f"{server.url}/stream/1000")
    assert stream.first.wait(5)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for(lambda: "drain 25" in events(server), what="draining")
    start = time.monotonic()

    assert server.stop(signal.SIGINT) == 0

    assert time.monotonic() - start < 4
    assert stream.result().endswith("lost\n")
    assert events(server)[-1] == "close"


def test_an_idle_connection_does_not_hold_up_the_end(serve):
    server = serve()
    address = urllib.parse.urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        start = time.monotonic()

        assert server.stop() == 0

    assert time.monotonic() - start < 3
    assert "connections cut" not in server.log()


def test_a_connection_whose_stream_ends_during_a_reload_is_closed_so_that_its_client_moves_on(serve):
    server = serve()
    address = urllib.parse.urlsplit(server.url)
    longer = Background(f"{server.url}/stream/30")
    assert longer.first.wait(5)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"GET /stream/10 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"keep-alive" in connection.recv(65536)
        server.process.send_signal(signal.SIGHUP)

        while connection.recv(65536):
            pass

    assert longer.answer is not None
    assert "complete" not in longer.answer
    assert longer.result().endswith("complete\n")


def test_a_reload_lets_streams_finish_and_refuses_nobody(serve):
    server = serve()
    (old,) = server.worker_pids()
    stream = Background(f"{server.url}/stream/20")
    assert stream.first.wait(5)

    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: "drain 25" in events(server), what="reloading")
    pids = {json.loads(get(server.url)[2])["pid"] for _ in range(20)}

    assert old not in pids
    assert stream.result().endswith("complete\n")


def test_a_worker_whose_master_was_killed_drains_and_ends(serve):
    server = serve()
    (worker,) = server.worker_pids()
    stream = Background(f"{server.url}/stream/20")
    assert stream.first.wait(5)

    server.process.kill()
    server.process.wait(5)

    try:
        assert stream.result().endswith("complete\n")
        psutil.Process(worker).wait(5)
    except psutil.NoSuchProcess:
        worker = None  # It has ended already.
    finally:
        if worker is not None and psutil.pid_exists(worker):
            os.kill(worker, signal.SIGKILL)
    assert events(server)[1:] == ["start", "drain 25", "close"]


def test_a_worker_without_patches_refuses_to_serve(serve, tmp_path):
    unpatched = tmp_path / "unpatched.py"
    unpatched.write_text(
        "from agentos.serving.worker import Worker as Good\n"
        "class Worker(Good):\n    def patch(self): pass\n"
        "worker_class, bind = Worker, '127.0.0.1:0'\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", str(unpatched), "--no-control-socket", "standin:app"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 3
    assert "gevent's patches are missing in this worker" in done.stderr


def test_a_worker_whose_psycopg_blocks_refuses_to_serve(tmp_path):
    if importlib.util.find_spec("psycopg_binary") is None:
        pytest.skip("psycopg's C waiting function is not installed")
    code = (
        "import psycopg\n"
        "from gevent import monkey; monkey.patch_all()\n"
        "from agentos.serving.patching import check_patched\n"
        "check_patched()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, cwd=ROOT)

    assert done.returncode != 0
    assert "psycopg was imported before gevent's patches" in done.stderr


def test_every_line_of_the_log_is_json_gunicorns_own_included(serve):
    server = serve()
    server.stop()

    records = server.records()

    assert {"gunicorn.error", "agentos.serving.worker"} <= {one["logger"] for one in records}
    assert all({"time", "level", "logger", "message"} <= one.keys() and one["time"].endswith("Z") for one in records)


def test_the_control_socket_of_gunicorn_stays_off(serve, tmp_path):
    server = serve(env={"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)})
    server.stop()  # The master looks at signals only after it would have opened the socket.

    assert "Control socket" not in server.log()
