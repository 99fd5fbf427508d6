"""What comes back: each answer is taken apart as it arrives, and checked."""

from __future__ import annotations

import re
import time
from array import array
from typing import Literal

Kind = Literal["document", "run", "lines", "text"]
"""One document; our events; the lines of the model, as the floor hands them on; or whatever holds its tokens."""

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
FRAME = re.compile(rb"id: (\d+)\nevent: (\w+)\n")


class Seen:
    """What all connections saw together."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.whole = 0
        self.lost = 0
        self.tokens = 0
        self.events = 0
        self.token_bytes = 0
        self.read_bytes = 0
        self.latency = array("d")
        self.first = array("d")
        self.gaps = array("d")


class Answer:
    """One answer as it arrives: its head, its body out of chunks, its events out of the body.

    ``text`` is what a document must hold to be an answer at all, and what a token looks like in a stream of a form that
    is not known here: each is counted, and the end is that of the body.
    """

    def __init__(self, kind: Kind, tokens: int, seen: Seen, text: str = "") -> None:
        self._kind = kind
        self._expected = tokens
        self._needle = text.encode()
        self._seen = seen
        self._began = self._spoke = time.perf_counter()
        self._buffer = b""
        self._text = b""
        self._length: int | None = None
        self._head = False
        self._whole = True
        self._number = 0
        self._tokens = 0
        self._ended: bytes | None = None
        self._said = b""
        self._kept = 0

    def feed(self, data: bytes) -> bool:
        """Take in what arrived; tell whether the answer is whole."""
        now = time.perf_counter()
        self._seen.read_bytes += len(data)
        self._buffer += data
        if not self._head and not self._read_head():
            return False
        done = self._read_chunks() if self._length is None else len(self._buffer) >= self._length
        if self._kind != "document":
            self._read_tokens(now)
        if done:
            self._finish(now)
        return done

    def _read_head(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        self._head = True
        self._buffer = rest
        found = LENGTH.search(head)
        self._length = int(found[1]) if found else None
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail((head.partition(b"\r\n")[0] + b" " + rest[:300]).decode(errors="replace"))
        return True

    def _read_chunks(self) -> bool:
        buffer, place = self._buffer, 0
        text: list[bytes] = []
        while (end := buffer.find(b"\r\n", place)) >= 0:
            size = int(buffer[place:end], 16)
            if len(buffer) < end + size + 4:
                break
            if not size:
                self._text += b"".join(text)
                return True
            text.append(buffer[end + 2 : end + 2 + size])
            place = end + size + 4
        self._buffer = buffer[place:]
        self._text += b"".join(text)
        return False

    def _read_tokens(self, now: float) -> None:
        tokens = self._tokens
        if self._kind == "text":
            self._read_text()
        else:
            self._read_events()
        if self._tokens > tokens:
            if not tokens:
                self._seen.first.append(now - self._began)
            else:
                self._seen.gaps.append(now - self._spoke)
            # Those that came together came without a gap; each counts.
            self._seen.gaps.extend([0.0] * (self._tokens - tokens - 1))
            self._spoke = now

    def _read_text(self) -> None:
        self._tokens += self._text.count(self._needle)
        self._said = (self._said + self._text[self._kept :])[-300:]
        # What is left may be the beginning of the next one.
        self._text = self._text[max(0, len(self._text) - len(self._needle) + 1) :]
        self._kept = len(self._text)

    def _read_events(self) -> None:
        whole, end, self._text = self._text.rpartition(b"\n\n")
        if not end:
            return
        read = self._read_frame if self._kind == "run" else self._read_line
        for block in whole.split(b"\n\n"):
            read(block)

    def _read_frame(self, block: bytes) -> None:
        match = FRAME.match(block)
        if match is None:
            return  # a comment, or how soon to come back
        self._number += 1
        self._seen.events += 1
        if int(match[1]) != self._number or self._ended:
            self._seen.lost += 1
            self._whole = False
            self._number = int(match[1])
        if match[2] == b"token":
            self._tokens += 1
            self._seen.token_bytes += len(block) + 2
        elif match[2] in (b"complete", b"error"):
            self._ended = match[2]

    def _read_line(self, block: bytes) -> None:
        self._seen.events += 1
        if b'"content":" ' in block:
            self._tokens += 1
        elif block == b"data: [DONE]":
            self._ended = b"complete"

    def _finish(self, now: float) -> None:
        self._seen.latency.append(now - self._began)
        self._seen.tokens += self._tokens
        if self._kind == "document":
            if self._whole and self._needle not in self._text + self._buffer:
                self._fail("a document without what the model said")
        elif self._kind != "text" and self._ended != b"complete":
            self._fail(f"a stream ended with {self._ended!r} after {self._tokens} tokens")
        elif self._tokens != self._expected:
            self._seen.lost += abs(self._expected - self._tokens)
            self._whole = False
            if self._kind == "text":
                self._fail(f"a stream of {self._tokens} tokens that ended with {self._said.decode(errors='replace')}")
        self._seen.whole += self._whole

    def _fail(self, why: str) -> None:
        self._seen.errors.append(why)
        self._whole = False
