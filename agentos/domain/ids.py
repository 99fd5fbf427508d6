"""Identifiers: those that we make are ordered by time, those of agents are chosen by people."""

from __future__ import annotations

import os
import re
import threading
import time

AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562, section 5.7) in its 36-character form.

    Ids made by one process sort in the order in which they were made: the 12 bits after the millisecond hold its
    fraction, and a clock that stands still or steps back is counted up (RFC 9562, section 6.2, method 3).
    """
    global _last
    with _lock:
        _last = stamp = max(time.time_ns() * 4096 // 1_000_000, _last + 1)  # in steps of 1/4096 ms
    milliseconds, fraction = stamp >> 12, stamp & 0xFFF
    value = (milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62)
    value |= int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
