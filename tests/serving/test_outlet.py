"""A log that nobody reads holds up no request."""

import os
import subprocess
import sys
import urllib.request

import pytest

from parts.server import ROOT

# In a process of its own, where gevent's patches harm nobody; the pipe is read only at the end.
OUTLET = """
from gevent import monkey; monkey.patch_all()
import logging, os
from agentos.serving.outlet import Outlet
reader, writer = os.pipe()
outlet = Outlet(writer, limit=1000)
logging.basicConfig(stream=outlet, format="%(message)s %(lines)s")
for number in range(5000):
    outlet.write(f"{number:<99}\\n")
os.set_blocking(reader, False)
import time
read = b""
deadline = time.monotonic() + 5
while read.count(b"\\n") < 1000 and time.monotonic() < deadline:
    try:
        read += os.read(reader, 65536)
    except BlockingIOError:
        time.sleep(0.01)
outlet.write("last\\n")
outlet.close()
outlet.write("after\\n")
read += os.read(reader, 1 << 20)
lines = read.decode().splitlines()
print(lines[0].strip(), lines[-3], lines[-1])
print(len(lines) - 3 + int(lines[-2].split()[-1]))
"""


def test_lines_wait_for_their_reader_and_those_beyond_the_limit_are_counted():
    done = subprocess.run([sys.executable, "-c", OUTLET], capture_output=True, text=True, timeout=30, cwd=ROOT)

    first, total = done.stdout.splitlines()
    assert first == "0 last after"
    assert int(total) == 5000


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
