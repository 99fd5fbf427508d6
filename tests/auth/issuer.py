"""An identity provider: it signs tokens and publishes its keys, over real HTTP on loopback."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import get_default_algorithms

CERTIFICATE = Path(__file__).parents[1] / "parts" / "tls" / "server.pem"
SECRET = "a secret of sixty-four bytes, which is what the longest hash needs"


@cache
def private_key(algorithm: str, number: int = 0) -> Any:
    """Return a private key for an algorithm, the same one for the same number."""
    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else private_key("RS256", number)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    curve = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}[algorithm]
    return ec.generate_private_key(curve())


def signing_key(algorithm: str, number: int = 0) -> Any:
    """Return what tokens of an algorithm are signed with."""
    return SECRET if algorithm.startswith("HS") else private_key(algorithm, number)


def checking_key(algorithm: str, number: int = 0) -> str:
    """Return what a server is given to check them: the secret, or the public key in PEM."""
    return SECRET if algorithm.startswith("HS") else public_pem(private_key(algorithm, number))


def public_pem(key: Any) -> str:
    """Return the public half of a key."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: Any) -> str:
    """Return a key as nobody should hand it on."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def jwk(algorithm: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the public key as it stands in a key set; fields that are ``None`` are left out."""
    made = get_default_algorithms()[algorithm].to_jwk(private_key(algorithm, number).public_key(), as_dict=True)
    made = {"kid": f"key-{number}", "use": "sig", "alg": algorithm, **made, **fields}
    return {name: value for name, value in made.items() if value is not None}


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token; those that are ``None`` are left out."""
    all = {"sub": "alice", "scope": "agents:read agents:run", "exp": time.time() + 60, **changes}
    return {name: value for name, value in all.items() if value is not None}


def token(
    algorithm: str = "ES256", number: int = 0, *, key: Any = None, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """Return a signed token."""
    signed_with = signing_key(algorithm, number) if key is None else key
    return jwt.encode(claims(**changes), signed_with, algorithm, headers=header)


class Issuer(ThreadingHTTPServer):
    """Publishes ``keys`` at ``url`` and counts who asks. ``answer`` replaces the status and body that it sends."""

    daemon_threads = True

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http{'s' * tls}://127.0.0.1:{self.server_port}/keys"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.keys: list[dict[str, Any]] = [jwk("ES256")]
        self.asked = 0
        self.delay = 0.0
        self.drip = 0.0
        self.answer: tuple[int, bytes, dict[str, str]] | None = None

    def down(self) -> None:
        """Answer as what is broken behind a load balancer."""
        self.answer = (503, b"<h1>later</h1>", {})


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked += 1
        time.sleep(self.server.delay)
        body = json.dumps({"keys": self.server.keys}).encode()
        status, body, headers = self.server.answer or (200, body, {})
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.server.drip:
            for number in range(len(body)):
                self.wfile.write(body[number : number + 1])
                time.sleep(self.server.drip)
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            return  # whoever asked has left


@contextmanager
def issuing(*, tls: bool = False) -> Iterator[Issuer]:
    """Run an issuer."""
    issuer = Issuer(tls=tls)
    thread = threading.Thread(target=issuer.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        issuer.shutdown()
        thread.join()
        issuer.server_close()
