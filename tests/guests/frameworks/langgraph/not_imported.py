"""A module that no agent imports. Reading the state of a paused run must not import it either."""

from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: list[int]
