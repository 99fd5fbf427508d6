"""``flask agentos doctor``: what works and what does not, a line each."""

from __future__ import annotations

import dataclasses
import sys

import click

from agentos.cli.opening import app_option
from agentos.cli.output import as_json, is_coloured, print_json
from agentos.domain.text import one_line

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command("doctor")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=10.0,
    show_default=True,
    help="Seconds for the model providers' own checks.",
)
@click.option("--find-models", is_flag=True, help="Look for Ollama, LM Studio and llama.cpp on this machine, too.")
@as_json
@click.pass_context
@app_option
def command(ctx: click.Context, /, timeout: float, find_models: bool, as_json: bool) -> None:
    """Check whether everything works.

    Python, settings, exposure (who can reach the server, and is asked for a key), plugins, database, model providers
    and agents get a line each, and nothing is changed. The exit code is 1 if a check failed. What only concerns
    something that no agent uses is a warning.
    """
    from agentos.cli.diagnosis import diagnose
    from agentos.observability.redaction import redact

    findings = []
    for found in diagnose(timeout, find_models=find_models):
        finding = dataclasses.replace(found, detail=redact(found.detail))  # a plugin's own check may say anything
        findings.append(finding)
        if not as_json:
            status = f"{finding.status:<8}"
            if is_coloured(sys.stdout):
                status = click.style(status, fg=COLOURS[finding.status])
            click.echo(f"{status}{finding.name:<24} {one_line(finding.detail)}")
    healthy = all(finding.status != "failed" for finding in findings)
    if as_json:
        print_json({"ok": healthy, "checks": [dataclasses.asdict(finding) for finding in findings]})
    if not healthy:
        ctx.exit(1)
