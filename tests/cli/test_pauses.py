"""Runs that pause, on the command line: what is said of them, and how commands end."""

import json

import pytest

PLUGIN = """
from agentos import Agent, ToolContext, hookimpl, tool
from agentos.models.scripted import ScriptedProvider, call

@tool(approval=True)
def pay(amount: int) -> str:
    '''Pay.'''
    return f"paid {amount}"

@tool
def choose(context: ToolContext) -> str:
    '''Let the user choose.'''
    return str(context.ask("Red or blue?"))

@hookimpl
def register_model_providers(register):
    turn = ["A moment.", call("pay", '{"amount": 5}'), call("choose", id="call_2", index=1)]
    register("payer", lambda config: ScriptedProvider([turn, "Paid."]))

@hookimpl
def register_agents(register):
    register(Agent(id="payer", model="payer:x", tools=[pay, choose]))
"""


@pytest.fixture
def paused(cli, install_plugin):
    """The id of a run that has paused, and what the command said of it."""
    install_plugin("payer", PLUGIN)
    result = cli("run", "payer", "Pay")
    assert result.exit_code == 3, result.output
    [run] = cli.json("runs", "list", "--status", "paused")["runs"]
    return run["run_id"], result


def test_a_run_that_pauses_says_what_it_waits_for_and_how_to_answer(cli, paused):
    run_id, result = paused
    assert result.stdout == "A moment.\n"
    first, approval, question, commands, how, body, more = result.stderr.splitlines()[-7:]
    assert first == f"Paused: run {run_id} is saved and waits for 2 answers:"
    assert 'approval of pay({"amount": 5}) by a caller with scope runs:approve, until 2' in approval
    assert "an answer to choose({}) by a caller who may run the agent, until 2" in question
    assert question.endswith(": Red or blue?")
    named = "'agentos approvals approve ID' or 'agentos approvals reject ID' or 'agentos approvals answer ID VALUE'"
    assert commands == f"Answer with {named},"
    assert how == f"or with POST /api/v1/runs/{run_id}/resume, as in"
    answers = json.loads(body)["answers"]
    assert [(one["id"] in approval + question, one.keys() - {"id"}) for one in answers] == [
        (True, {"decision"}),
        (True, {"output"}),
    ]
    assert f"runs cancel {run_id}" in more


def test_a_paused_run_shows_what_is_pending(cli, paused):
    run_id, _ = paused
    shown = cli.ok("runs", "show", run_id)
    assert "status:        paused" in shown
    lines = shown[shown.index("pending:") :].splitlines()[1:3]
    assert "approval of pay" in lines[0]
    assert "an answer to choose" in lines[1]
    pending = cli.json("runs", "show", run_id)["pending"]
    assert [action["kind"] for action in pending] == ["approval", "input"]


def test_following_ends_at_the_pause(cli, paused):
    run_id, _ = paused
    result = cli("runs", "follow", run_id)
    assert (result.exit_code, result.stdout) == (3, "A moment.\n")
    assert f"Paused: run {run_id} " in result.stderr


def test_events_and_json_of_a_run_that_pauses_are_on_standard_output_alone(cli, paused):
    events = cli("run", "payer", "Pay", "--events")
    assert events.exit_code == 3
    assert json.loads(events.stdout.splitlines()[-1])["type"] == "paused"
    whole = cli("run", "payer", "Pay", "--json")
    assert whole.exit_code == 3
    run = json.loads(whole.stdout)
    assert (run["status"], len(run["pending"])) == ("paused", 2)


def test_a_conversation_says_what_its_run_waits_for(cli, paused):
    result = cli("chat", "payer", input="Pay\nAnd now?\n")
    assert result.exit_code == 3
    assert "is saved and waits for 2 answers" in result.stderr
    assert result.stdout == "A moment.\n"


def test_a_paused_run_is_cancelled_at_once(cli, paused):
    run_id, _ = paused
    assert cli.ok("runs", "cancel", run_id) == f"Run {run_id} ended as cancelled.\n"
    assert cli.json("runs", "show", run_id)["pending"] == []
    assert cli("runs", "follow", run_id).exit_code == 130


def test_a_paused_run_is_deleted(cli, paused):
    run_id, _ = paused
    assert cli.ok("runs", "delete", run_id) == f"Deleted run {run_id}.\n"
    cli.fails("runs", "show", run_id)


def test_a_key_approves_only_if_it_is_said_so(cli):
    assert "runs:approve" not in cli.json("keys", "create", "client")["scopes"]
    assert cli.json("keys", "create", "boss", "--scope", "runs:approve")["scopes"] == ["runs:approve"]
