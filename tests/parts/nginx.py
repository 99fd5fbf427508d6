"""A real nginx before the server, from the system's own package, with the documented configuration."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parts.postgres import free_port
from parts.server import ROOT

PAGE = ROOT / "docs" / "how-to" / "behind-a-proxy.md"
START_TIMEOUT = 10.0

AROUND = """
daemon off;
master_process off;
pid {home}/pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
{shown}
}}
"""


def nginx_binary() -> str | None:
    """Return the program; ``None`` where it is not installed. Debian has it outside of a user's PATH."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def documented(server_url: str, port: int, *, location: str | None = None) -> str:
    """Return the page's configuration for this machine, without TLS; ``location`` is another of its blocks."""
    blocks = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.S)
    shown: str = blocks[0]
    if location is not None:
        [block] = [block for block in blocks[1:] if block.startswith(location)]
        shown = shown.replace("location / {", block.splitlines()[0], 1).replace(
            "proxy_pass http://agentos;", re.search(r"proxy_pass [^\n]*", block)[0], 1
        )
        extra = "\n".join(line for line in block.splitlines()[1:] if "X-Forwarded-Prefix" in line)
        shown = shown.replace("proxy_http_version 1.1;", f"proxy_http_version 1.1;\n{extra}", 1)
    shown = re.sub(r"\n *ssl_[^\n]*", "", shown)
    shown = shown.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    return shown.replace("127.0.0.1:8080", server_url.removeprefix("http://"))


class Nginx:
    """A proxy on a free loopback port."""

    def __init__(self, server_url: str, *, location: str | None = None) -> None:
        binary = nginx_binary()
        if binary is None:
            raise LookupError("nginx is not installed (Debian: apt-get install nginx)")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._home = Path(tempfile.mkdtemp(prefix="agentos-nginx-"))
        file = self._home / "nginx.conf"
        file.write_text(AROUND.format(home=self._home, shown=documented(server_url, port, location=location)))
        self._log = (self._home / "log").open("wb")
        self._process = subprocess.Popen(
            [binary, "-p", str(self._home), "-e", "stderr", "-c", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self._wait(port)

    def stop(self) -> None:
        """End it and delete what it wrote."""
        self._process.kill()
        self._process.wait(10)
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"nginx did not start:\n{(self._home / 'log').read_text()}") from None
                time.sleep(0.05)
            else:
                return


@contextmanager
def running_nginx(server_url: str, *, location: str | None = None) -> Iterator[Nginx]:
    """Run a proxy; skips the test where there is none."""
    try:
        proxy = Nginx(server_url, location=location)
    except LookupError as error:
        pytest.skip(str(error))
    try:
        yield proxy
    finally:
        proxy.stop()
