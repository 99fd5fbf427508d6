"""Sends messages of OTLP over HTTP, and says once that a collector does not take them."""

from __future__ import annotations

import gzip
import logging
import sys
import threading
from ipaddress import ip_network
from typing import Protocol

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from agentos import OutboundClient, OutboundFailed, OutboundPolicy, OutboundRefused
from agentos_otel.variables import Target

TRANSIENT = frozenset({429, 502, 503, 504})
"""Answers after which the specification of OTLP lets a client try again."""

PAUSES = (1.0, 2.0)
"""Seconds before a second and a third try. What waits meanwhile is bounded by the queue."""

MOST_ANSWER = 64 * 1024
EVERYWHERE = OutboundPolicy(allow_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")), ports=None)
"""The operator names the collector."""

logger = logging.getLogger(__name__)


class Sender(Protocol):
    """Sends messages of one signal."""

    def send(self, message: bytes, count: int) -> bool:
        """Send an encoded message with ``count`` spans or series; return whether it was taken. Never raises."""

    def dropped(self, count: int, reason: str) -> None:
        """Count what was dropped; the first of an outage is in the log."""

    def close(self) -> None:
        """Let a message that is sent now, and later ones, have one try alone."""

    @property
    def total(self) -> int:
        """How many were dropped so far."""


class HttpSender:
    """Sends to a collector. One thread sends; any may count what was dropped."""

    def __init__(self, what: str, target: Target) -> None:
        self.total = 0
        self._what = what
        self._target = target
        self._client = OutboundClient(
            policy=EVERYWHERE, timeout=target.seconds, max_size=MOST_ANSWER, ca_bundle=target.ca_bundle
        )
        encoding = {"Content-Encoding": "gzip"} if target.gzip else {}
        self._headers = {**target.headers, "Content-Type": "application/x-protobuf", **encoding}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._outage = False
        self._dropped = 0

    def send(self, message: bytes, count: int) -> bool:
        """Send a message, up to three times while the collector cannot be reached or is overloaded."""
        body = gzip.compress(message, 5) if self._target.gzip else message
        reason = ""
        for pause in (*PAUSES, 0.0):
            reason, again = self._try(body)
            if not reason:
                self._over()
                return True
            if not again or self._closing.wait(pause):
                break
        self.dropped(count, reason)
        return False

    def dropped(self, count: int, reason: str) -> None:
        """Count what was dropped; the first of an outage is in the log."""
        with self._lock:
            self.total += count
            self._dropped += count
            first, self._outage = not self._outage, True
        if first:
            logger.warning("%s cannot be sent and are dropped until they can", self._what, extra={"reason": reason})

    def close(self) -> None:
        """Try no message again."""
        self._closing.set()

    def _try(self, body: bytes) -> tuple[str, bool]:
        """Return why a message was not taken, empty if it was, and whether to try again."""
        try:
            answer = self._client.fetch("POST", self._target.url, headers=self._headers, body=body)
        except OutboundFailed as error:
            return str(error), True
        except (OutboundRefused, OSError, ValueError) as error:  # an address, header or file that cannot be used
            return str(error), False
        if 200 <= answer.status < 300:
            return "", False
        return f"the collector answers with status {answer.status}", answer.status in TRANSIENT

    def _over(self) -> None:
        with self._lock:
            outage, self._outage = self._outage, False
            dropped, self._dropped = self._dropped, 0
        if outage:
            extra = {"dropped": dropped, "dropped_in_all": self.total}
            logger.info("%s are sent again", self._what, extra=extra)


class ConsoleSender:
    """Writes messages to standard output as JSON, for trying things out."""

    def __init__(self, kind: type[Message]) -> None:
        self.total = 0
        self._kind = kind

    def send(self, message: bytes, count: int) -> bool:  # noqa: ARG002 - nothing is dropped
        """Write a message."""
        sys.stdout.write(MessageToJson(self._kind.FromString(message)) + "\n")
        return True

    def dropped(self, count: int, reason: str) -> None:  # noqa: ARG002 - what is seen says enough
        """Count."""
        self.total += count

    def close(self) -> None:
        """Do nothing."""
