"""A log that nobody reads holds up no request."""

import ast
import json
import os
import subprocess
import sys
import urllib.request

import pytest

from parts.server import ROOT

# In a process of its own, where gevent's patches harm nobody; the pipe is read only at the end.
LOG_WRITER = """
from gevent import monkey; monkey.patch_all()
import logging, os
from agentos.serving.log_writer import BackgroundLogWriter
reader, writer = os.pipe()
log_writer = BackgroundLogWriter(writer, limit=1000)
logging.basicConfig(stream=log_writer, format="%(message)s %(lines)s")
for number in range(5000):
    log_writer.write(f"{number:<99}\\n")
os.set_blocking(reader, False)
import time
read = b""
came = time.monotonic()
while time.monotonic() - came < 0.5:
    try:
        read += os.read(reader, 65536)
        came = time.monotonic()
    except BlockingIOError:
        time.sleep(0.01)
assert read.count(b"\\n") >= 1000
log_writer.write("last\\n")
log_writer.close()
log_writer.write("after\\n")
read += os.read(reader, 1 << 20)
lines = read.decode().splitlines()
# Lines are dropped more than once if the thread writes some of them meanwhile; each warning counts its own.
warnings = [line for line in lines if line.startswith("log lines were dropped")]
print(lines[0].strip(), "last" in lines, lines[-1])
print(len(lines) - len(warnings) - len(["last", "after"]) + sum(int(line.split()[-1]) for line in warnings))
"""


def test_lines_wait_for_their_reader_and_those_beyond_the_limit_are_counted():
    done = subprocess.run([sys.executable, "-c", LOG_WRITER], capture_output=True, text=True, timeout=30, cwd=ROOT)

    first, total = done.stdout.splitlines()
    assert first == "0 True after"
    assert int(total) == 5000


# Each write into such a socket is read by itself.
WRITES = """
from gevent import monkey; monkey.patch_all()
import logging, socket, time
from agentos.serving.log_writer import BackgroundLogHandler, BackgroundLogWriter
reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
log_writer = BackgroundLogWriter(writer.fileno(), rest=REST)
logging.basicConfig(level="INFO", handlers=[BackgroundLogHandler(log_writer, logging.Formatter("%(message)s"))])
logging.info("first")
reader.settimeout(2)
pieces = [reader.recv(65536)]
for number in range(100):
    logging.info(number)
    time.sleep(0.001)
END
try:
    while sum(piece.count(b"\\n") for piece in pieces) < 101:
        pieces.append(reader.recv(65536))
except TimeoutError:
    pass
print(len(pieces), sum(piece.count(b"\\n") for piece in pieces))
"""


def _writes(rest, end=""):
    program = WRITES.replace("REST", str(rest)).replace("END", end)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


def test_the_lines_of_a_moment_leave_in_one_write():
    assert _writes(0.5) == (2, 101)


@pytest.mark.parametrize("end", ["logging.warning('last')", "log_writer.settle()", "log_writer.close()"])
def test_a_warning_and_the_end_wait_for_no_moment_to_pass(end):
    writes, lines = _writes(60, end)

    assert (writes, lines) == (2, 102 if "warning" in end else 101)


# The thread that writes is stopped for a moment, so that what is made meanwhile can be seen to be made later.
LATER = """
from gevent import monkey; monkey.patch_all()
import logging, os
from agentos.domain.trace_context import TraceContext
from agentos.observability.logs import JSONFormatter
from agentos.observability.tracing import tracing
from agentos.serving.log_writer import BackgroundLogHandler, BackgroundLogWriter

thread = monkey.get_original("_thread", "get_ident")
here = thread()
made_here = []

class Formatter(JSONFormatter):
    def format(self, record):
        made_here.append((record.msg, thread() == here))
        if record.msg == "broken":
            raise ValueError("no line")
        return super().format(record)

reader, writer = os.pipe()
log_writer = BackgroundLogWriter(writer, rest=0.01)
logging.basicConfig(level="INFO", handlers=[BackgroundLogHandler(log_writer, Formatter())])
with tracing(TraceContext(trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203331")):
    logging.info("traced")
logging.info("broken")
logging.info("after")
log_writer.settle()
logging.warning("at once")
log_writer.settle()
for line in os.read(reader, 65536).decode().splitlines():
    print(line)
print(made_here)
"""


def test_a_line_is_made_by_the_thread_that_writes_with_the_trace_that_it_was_logged_in():
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, timeout=30, cwd=ROOT)

    assert done.returncode == 0, done.stderr
    *lines, made_here = done.stdout.splitlines()
    traced, _, after, at_once = map(json.loads, lines)
    assert (traced["message"], traced["trace_id"]) == ("traced", "0af7651916cd43dd8448eb211c80319c")
    assert (after["message"], "trace_id" in after) == ("after", False)
    assert at_once["message"] == "at once"
    where = dict(ast.literal_eval(made_here))
    assert (where["traced"], where["after"], where["at once"]) == (False, False, True)


def test_of_a_line_that_cannot_be_made_the_log_says_why():
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, timeout=30, cwd=ROOT)

    instead = json.loads(done.stdout.splitlines()[1])
    assert (instead["message"], instead["line_of"], instead["reason"]) == (
        "a log line could not be made",
        "root",
        "ValueError",
    )


def test_a_worker_whose_log_nobody_reads_goes_on_serving(serve, tmp_path):
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    gunicorn = f"exec {sys.executable} -m gunicorn -c {ROOT}/gunicorn.conf.py standin:app 2>{fifo}"
    server = serve(command=["sh", "-c", gunicorn], wait=False)
    server.wait_for(lambda: server.output(), what="ready")
    url = server.output().split()[2].partition("/api")[0]

    try:
        for _ in range(400):
            with pytest.raises(OSError):
                urllib.request.urlopen(f"{url}/{'x' * 9000}", timeout=5).close()
        with urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            assert response.status == 200
    finally:
        os.close(reader)
