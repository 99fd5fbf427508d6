"""``flask agentos approvals rules``: decisions that hold for later calls of a session."""

from __future__ import annotations

from typing import Any

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import as_json, print_list, printable, short_time
from agentos.cli.pages import read_pages
from agentos.cli.values import Text
from agentos.domain.principal import OPERATOR


@click.group("rules")
def rules() -> None:
    """List and revoke decisions that hold for later calls of a session."""


@rules.command("list")
@click.option("--session", "session_id", metavar="ID", type=Text(), help="Only what holds in this session.")
@click.option("--agent", "agent_id", metavar="ID", type=Text(), help="Only what holds for calls of this agent.")
@click.option("--tool", metavar="NAME", type=Text(), help="Only what holds for calls of this tool.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="List at most so many.")
@as_json
def list_rules(limit: int, as_json: bool, **where: Any) -> None:
    """List remembered decisions, the newest first."""
    from agentos.api.v1.serializers import approval_rule_json
    from agentos.services.approval_rules import RuleFilter

    wanted = RuleFilter(**where)
    with opened() as services:
        found = list(read_pages(lambda part: services.approval_rules.list(wanted, part, OPERATOR), limit))
    rows = [
        (
            *(one.id, one.decision, one.scope.tool, one.scope.agent_id, one.scope.session_id, one.scope.rule),
            *(one.answered_by or "", short_time(one.answered_at)),
        )
        for one in found
    ]
    columns = ("ID", "DECISION", "TOOL", "AGENT", "SESSION", "RULE", "BY", "WHEN")
    documents = [approval_rule_json(one) for one in found]
    print_list("rules", documents, columns, rows, as_json=as_json, empty="No decision is remembered.")


@rules.command("revoke")
@click.argument("rule_id", metavar="ID", type=Text())
def revoke(rule_id: str) -> None:
    """Forget a remembered decision: the next call that it covers waits again."""
    with audited("rule.revoke", rule_id), opened() as services:
        services.approval_rules.revoke(rule_id, OPERATOR)
    click.echo(f"Revoked {printable(rule_id)}.")
