"""Writes ``src/schema.ts``, the API's types, from ``openapi.yaml``: ``make client``.

With ``--check`` it writes nothing, needs no Node.js, and exits with 1 if the file is stale: its first line has the
hashes of what it was made from, and of itself.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
OPENAPI = HERE.parents[1] / "openapi.yaml"
SCHEMA = HERE / "src" / "schema.ts"
HEADER = "// Made by `make client`; do not edit. openapi.yaml: sha256 {source}. Below: sha256 {body}.\n"


def main() -> None:
    """Write the types or check them."""
    parser = argparse.ArgumentParser(description="Make the API's types for TypeScript from openapi.yaml.")
    parser.add_argument("--check", action="store_true", help="only say whether they are fresh")
    parser.add_argument("--openapi", type=Path, default=OPENAPI, help="the API's description (openapi.yaml)")
    parser.add_argument("--schema", type=Path, default=SCHEMA, help="the types (src/schema.ts)")
    given = parser.parse_args()
    if given.check:
        if problem := stale(given.openapi, given.schema):
            sys.exit(f"{given.schema}: {problem}; make client")
        return
    body = rendered(given.openapi)
    header = HEADER.format(source=digest(given.openapi.read_bytes()), body=digest(body.encode()))
    given.schema.write_text(header + body, "utf-8")


def stale(openapi: Path, schema: Path) -> str | None:
    """Return what is wrong with the types, or ``None``."""
    header, _, body = schema.read_text("utf-8").partition("\n")
    hashes = re.findall(r"sha256 ([0-9a-f]{64})", header)
    if hashes != [digest(openapi.read_bytes()), digest(body.encode())]:
        edited = len(hashes) == 2 and hashes[1] != digest(body.encode())
        return "it was edited" if edited else f"it was not made from this {openapi.name}"
    return None


def digest(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def rendered(openapi: Path) -> str:
    """Return what openapi-typescript makes, in the version that package-lock.json names."""
    from conformance.environments import node_tool
    from parts.virtual_environments import Unavailable

    with TemporaryDirectory() as folder:
        made = Path(folder, "schema.ts")
        # A field with a default may be left out of a request.
        options = ("--default-non-nullable=false", "--output", str(made))
        try:
            node_tool(HERE, "openapi-typescript/bin/cli.js", str(openapi), *options)
        except Unavailable as why:
            sys.exit(f"openapi-typescript: {why}")
        return made.read_text("utf-8")


if __name__ == "__main__":
    main()
