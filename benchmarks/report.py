"""The results for people (RESULTS.md) and for machines (results.json)."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import machine
from benchmarks.rows.common import Row

HERE = Path(__file__).parent
PACKAGES = ("gunicorn", "gevent", "flask", "werkzeug", "sqlalchemy", "psycopg", "marshmallow", "orjson", "requests")
MET = {True: "yes", False: "**no**", None: ""}

HEAD = """\
# Results

Written by `make bench`; [performance](../docs/explanation/performance.md) says how it is measured and where the time
goes. A figure is the median over the repetitions, with the lowest and the highest in parentheses; `a to b` are the
server and the floor. All repetitions, percentiles and the cost of the load program are in `results.json`.

"""


def line(row: Row) -> str:
    """Return a row of the table."""
    return f"| {row.work} | {row.target} | {row.measured} | {MET[row.met]} |"


def write(rows: Sequence[Row]) -> None:
    """Write both files anew."""
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        **machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
    text = HEAD + "| work | target | measured | met |\n|---|---|---|---|\n" + "\n".join(map(line, rows))
    text += "\n\n## Where\n\n| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in about.items())
    (HERE / "RESULTS.md").write_text(text + "\n", "utf-8")
    results = {
        row.key: {"work": row.work, "target": row.target, "measured": row.measured, "met": row.met, **row.details}
        for row in rows
    }
    (HERE / "results.json").write_text(
        json.dumps({"about": about, "rows": results}, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
