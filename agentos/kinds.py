"""What the settings of a plugin accept; for ``register_settings``.

>>> from agentos import kinds
>>> kinds.seconds(0.1, 60).parse("1.5")
1.5

A setting may also be a plain ``str``, ``int``, ``float`` or ``bool``, or have an :class:`agentos.Kind` of its own.
"""

from agentos.setting_kinds import (
    ADDRESS,
    FLAG,
    HOSTS,
    NAMES,
    ORIGINS,
    RATE,
    SIZE,
    TEXT,
    one_of,
    or_none,
    seconds,
    whole,
)

__all__ = [
    "ADDRESS",
    "FLAG",
    "HOSTS",
    "NAMES",
    "ORIGINS",
    "RATE",
    "SIZE",
    "TEXT",
    "one_of",
    "or_none",
    "seconds",
    "whole",
]
