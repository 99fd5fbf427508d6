"""Asks the OSV database (osv.dev) for known vulnerabilities of all that is locked; ``make audit`` runs it.

Ends with 0 where nothing is known, or where the database cannot be reached, which it says. Ends with another number for
a finding, and where what answers is not the database: silence must not pass for a clean bill.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import requests

HERE = Path(__file__).parent
OSV_URL = "https://api.osv.dev/v1/query"
KNOWN = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.4.1"}
"""A version with published vulnerabilities: whoever knows of none is not the database."""


def main(url: str) -> int:
    """Audit the locks, and return the exit code."""
    try:
        answer = requests.post(url, json=KNOWN, timeout=30)
    except (requests.ConnectionError, requests.Timeout) as error:
        print(f"audit: NOTHING WAS CHECKED, {url} cannot be reached: {type(error).__name__}")
        return 0
    if answer.status_code != 200 or b'"vulns"' not in answer.content:
        print(f"audit: nothing was checked, {url} answers {answer.status_code} and not as the database does")
        return 2
    command = [str(Path(sys.executable).with_name("pip-audit")), "--vulnerability-service", "osv", "--osv-url", url]
    command += ["--strict", "--disable-pip", "--progress-spinner", "off", "--cache-dir", f"{sys.prefix}/cache"]
    for lock in sorted(HERE.glob("*.txt")):
        command += ["--requirement", str(lock)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(os.environ.get("OSV_URL") or OSV_URL))
