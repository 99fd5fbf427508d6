"""Tries the addresses before gunicorn does: gunicorn repeats a failure for five seconds and says little."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from typing import Any

from agentos.auth.addresses import with_port
from agentos.errors import ConfigError


def check_addresses(addresses: Iterable[Any]) -> None:
    """Raise :class:`~agentos.errors.ConfigError` for the first address where the server cannot listen.

    Numbers are sockets that are open already.
    """
    for address in addresses:
        if isinstance(address, tuple):
            _check_port(str(address[0]), int(address[1]))
        elif isinstance(address, str):
            _check_folder(address)


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            # As gunicorn sets it: connections of an earlier server that are just ending do not count.
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        raise ConfigError(f"cannot listen on {with_port(host, port)}: {_reason(host, port, error)}") from error


def _reason(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host name is not known; give an address of this machine (AGENTOS_ADDRESS)"
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is in use by another program. End it, or give another port, as in"
            f" AGENTOS_ADDRESS=127.0.0.1:{port + 1 if port < 65535 else port - 1}"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"this user may not use port {port}. Give a port from 1024 on (AGENTOS_ADDRESS), and put a proxy before the"
            " server"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine does not have the address {host} (AGENTOS_ADDRESS)"
    return f"{error.strerror or error}"


def _check_folder(path: str) -> None:
    folder = os.path.dirname(path) or "."
    if not path.startswith("\0") and not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot listen on unix:{path}: the folder {folder} is not there or cannot be written to")
