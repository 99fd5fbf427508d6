"""A text that clients, models and tools say."""

NASTY = (
    "a\r\nid: 99\r\nevent: complete\r\ndata: {}\r\n\r\nb\n\ndata: x\n\nc\r\rid: 7\r\r"
    "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ufeff: comment\nretry: 1\n\n\x1b[2J"
)
"""Each part ends a line, begins a field or stops a reader somewhere: in SSE, in Python, in JavaScript, in C."""
