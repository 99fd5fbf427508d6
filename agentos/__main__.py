"""``python -m agentos`` is ``agentos``."""

from agentos.cli import agentos

if __name__ == "__main__":
    agentos(prog_name="agentos")
