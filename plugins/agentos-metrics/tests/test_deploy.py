"""The dashboard and the alerts ask for metrics that there are, and each alert has a place in the runbook."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from agentos_metrics.metrics import ALL, OF_DEPLOYMENT

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus" / "agentos.rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "agentos.json"
LABELS = {"instance", "job", "le"}
"""Those that Prometheus adds, and that of buckets."""


def names() -> dict[str, frozenset[str]]:
    """Return the names of all series, each with its labels."""
    found = {"agentos_info": frozenset({"version", "python"}), "agentos_workers": frozenset[str](), "up": frozenset()}
    for metric in (*ALL, *OF_DEPLOYMENT):
        labels = frozenset(metric.labels)
        kinds = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}[metric.kind]
        found |= {f"{metric.name}{kind}": labels for kind in kinds}
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_it_asks_for_what_there_is(expression: str) -> None:
    known = names()
    asked = re.findall(r"\b(agentos_\w+|up)\b", expression)
    assert asked
    assert set(asked) <= known.keys(), set(asked) - known.keys()
    labels = frozenset().union(*(known[name] for name in asked)) | LABELS
    matched = re.findall(r"(\w+)(?:=~|!=|!~|=)\"", expression)
    grouped = [name for group in re.findall(r"by \(([^)]*)\)", expression) for name in group.split(", ")]
    assert {*matched, *grouped} <= labels


def test_every_metric_is_on_the_dashboard() -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    text = " ".join(target["expr"] for panel in panels for target in panel.get("targets", ()))
    left_out = {metric.name for metric in (*ALL, *OF_DEPLOYMENT) if metric.name not in text}
    assert left_out == {"agentos_worker_start_time_seconds"}
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_each_alert_has_its_section_in_the_runbook_and_no_section_is_left_over() -> None:
    page = (ROOT / "docs" / "how-to" / "runbook.md").read_text("utf-8")
    sections = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert [rule["alert"] for rule in rules()] == sections
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/how-to/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("info", "warning", "critical")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize(("what", "file"), [("check", RULES), ("test", RULES.with_suffix(".test.yml"))])
def test_promtool_accepts_the_alerts_and_they_fire_as_they_should(what: str, file: Path) -> None:
    done = subprocess.run(["promtool", what, "rules", file], capture_output=True, text=True, cwd=file.parent)
    assert done.returncode == 0, done.stdout + done.stderr
