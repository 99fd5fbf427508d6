"""TLS: which certificates are trusted, and sockets that close themselves when the connection is lost."""

from __future__ import annotations

import os
import ssl
from functools import cache

import certifi


class TlsSocket(ssl.SSLSocket):
    """Closes itself when its connection is lost.

    While it is made, a socket receives once to see whether the other side is still there. Where that raises, older
    Pythons (their issue 113280) and gevent leave the new socket open, and known only to the traceback.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive; close before raising that the connection was lost."""
        try:
            return super().recv(buflen, flags)
        except ConnectionError:
            self.close()
            raise


def closing_lost_sockets(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let a context make such sockets, unless it was given a class of its own; return it."""
    # Where gevent came later than this module, its contexts cannot make our sockets either, and keep theirs.
    if issubclass(TlsSocket, context.sslsocket_class):
        context.sslsocket_class = TlsSocket
    return context


@cache
def trusted() -> ssl.SSLContext:
    """Return the context that verifies servers by the system's certificates and certifi's; made at its first use.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace both, as everywhere.
    """
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_verify_locations(certifi.where())
    return context
