"""What runs wait for, decided at the command line, also while no server is running."""

import json
import signal
import time

import pytest

from agentos import Config, create_app
from parts.waiting import until

PLUGIN = """
from agentos import Agent, Approval, Finish, TextDelta, ToolContext, hookimpl, tool
from agentos.models.scripted import ScriptedProvider, call

@tool(approval=Approval(remember=True, message="Is it right?"))
def pay(amount: int) -> str:
    '''Pay.'''
    with open("paid.txt", "a") as file:
        file.write(f"{amount} ")
    return f"paid {amount}"

@tool(name="pay", approval=Approval(approver="other"))
def pay_as_other(amount: int) -> str:
    '''Pay.'''
    return pay(amount)

@tool
def choose(context: ToolContext) -> str:
    '''Let the user choose.'''
    return str(context.ask("Red or blue?", {"type": "string"}))

class Calls(ScriptedProvider):
    def __init__(self, *calls):
        super().__init__()
        self._calls = calls

    def stream(self, request):
        said = request.messages[-1].role == "tool"
        yield from [TextDelta("Done.")] if said else self._calls
        yield Finish("stop" if said else "tool_calls")

@hookimpl
def register_model_providers(register):
    pays = call("pay", '{"amount": 500}')
    register("payer", lambda config: Calls(pays))
    register("both", lambda config: Calls(pays, call("choose", id="call_2", index=1)))

@hookimpl
def register_agents(register):
    register(Agent(id="payer", model="payer:x", tools=[pay]))
    register(Agent(id="second", model="payer:x", tools=[pay_as_other]))
    register(Agent(id="both", model="both:x", tools=[pay, choose]))
"""


@pytest.fixture
def agents(cli, install_plugin):
    install_plugin("payer", PLUGIN)


def begin(cli, agent="payer", *options):
    """Begin a run that pauses; return its id and what it waits for."""
    assert cli("run", agent, "Pay", *options).exit_code == 3
    run = cli.json("runs", "list", "--status", "paused", "--limit", "1")["runs"][0]
    return run["run_id"], cli.json("approvals", "list", "--run", run["run_id"])["approvals"]


@pytest.fixture
def paused(cli, agents):
    """A run that waits for an approval, and the id of it."""
    run_id, (action,) = begin(cli)
    return run_id, action["id"]


def continued(run_id):
    """Start a server on the database, and return the run as it ends there."""
    app = create_app(Config())
    services = app.extensions["agentos"]
    try:
        services.watch_runs()
        until(lambda: services.storage.runs.get(run_id, owner=None).status.finished)
        return services.storage.runs.get(run_id, owner=None)
    finally:
        services.drain(0)
        services.close()


def test_what_waits_is_listed(cli, paused):
    run_id, action_id = paused
    (one,) = cli.json("approvals", "list")["approvals"]
    assert (one["id"], one["run_id"], one["arguments"], one["approver"]) == (
        action_id,
        run_id,
        {"amount": 500},
        "owner",
    )
    head, row = cli.ok("approvals", "list").splitlines()
    assert head.split()[:3] == ["ID", "KIND", "CALL"]
    assert 'pay({"amount": 500})' in row
    assert row.startswith(action_id)


def test_the_list_is_filtered_and_counted(cli, agents):
    begin(cli)
    run_id, _ = begin(cli, "both")
    assert cli.json("approvals", "list", "--limit", "1")["total"] == 3
    for options, kinds in (
        (("--run", run_id), ["approval", "input"]),
        (("--agent", "both", "--kind", "input"), ["input"]),
        (("--tool", "pay"), ["approval", "approval"]),
        (("--session", "none"), []),
    ):
        assert [one["kind"] for one in cli.json("approvals", "list", *options)["approvals"]] == kinds
    assert cli("approvals", "list", "--session", "none").stderr == "Nothing waits for an answer.\n"


def test_one_is_shown_before_and_after_its_answer(cli, paused):
    _, action_id = paused
    shown = cli.ok("approvals", "show", action_id)
    assert "message:       Is it right?" in shown
    assert "answer:" not in shown
    cli.ok("approvals", "reject", action_id, "--message", "too much")
    shown = cli.ok("approvals", "show", action_id)
    assert "message:           too much" in shown
    assert cli.json("approvals", "show", action_id)["answer"]["answered_by"] == "operator"


def test_an_approval_is_edited_and_the_run_continues_at_the_next_server(cli, paused):
    run_id, action_id = paused
    said = cli.ok("approvals", "approve", action_id, "--arguments", '{"amount": 50}', "--message", "50 is enough")
    decided, continues = said.splitlines()
    assert decided.startswith(f'{action_id} approve pay({{"amount": 500}}) with {{"amount": 50}} by operator at ')
    assert continues == (
        f"Run {run_id} continues at a server: at one that is running within seconds, else at the next one that starts."
    )
    assert cli.json("runs", "show", run_id)["status"] == "queued"
    assert not (cli.folder / "paid.txt").exists()
    assert continued(run_id).status.value == "completed"
    assert (cli.folder / "paid.txt").read_text() == "50 "
    (decision,) = cli.json("runs", "show", run_id)["decisions"]
    assert (decision["arguments"], decision["edited_arguments"]) == ({"amount": 500}, {"amount": 50})
    lines = cli.ok("runs", "show", run_id).splitlines()
    shown = lines[lines.index("decisions:") + 1]
    assert shown.startswith(f'  {action_id} approve pay({{"amount": 500}}) with {{"amount": 50}} by operator at ')
    assert shown.endswith(": 50 is enough")


def test_arguments_may_come_from_a_file(cli, paused):
    (cli.folder / "arguments.json").write_text('{"amount": 7}')
    assert 'with {"amount": 7}' in cli.ok("approvals", "approve", paused[1], "--arguments", "@arguments.json")


def test_what_does_not_fit_is_said_and_decides_nothing(cli, paused):
    run_id, action_id = paused
    assert 'amount is "much"' in cli.fails("approvals", "approve", action_id, "--arguments", '{"amount": "much"}')
    assert "does not have remember=True, or the run has no session" in cli.fails(
        "approvals", "approve", action_id, "--remember"
    )
    assert "use 'agentos approvals approve' or 'reject'" in cli.fails("approvals", "answer", action_id, "yes")
    assert "there is no action 'missing'" in cli.fails("approvals", "approve", "missing")
    assert cli.json("runs", "show", run_id)["status"] == "paused"


def test_a_second_decision_is_refused(cli, paused):
    cli.ok("approvals", "approve", paused[1])
    assert "has another answer already" in cli.fails("approvals", "reject", paused[1])


def test_where_another_person_has_to_decide_it_says_so(cli, agents):
    said = cli("run", "second", "Pay")
    assert "by another person than the owner, with scope runs:approve:any, until" in said.stderr
    (action,) = cli.json("approvals", "list")["approvals"]
    refused = cli.fails("approvals", "approve", action["id"])
    assert "needs another person than the owner of the run; the command line began this run" in refused


def test_a_question_is_answered_and_what_is_left_is_named(cli, agents):
    run_id, (approval, question) = begin(cli, "both")
    said = cli.ok("approvals", "answer", question["id"], "7").splitlines()
    assert said[0].endswith(": 7")
    assert said[1] == f"Run {run_id} waits for 1 more:"
    assert approval["id"] in said[2]
    assert "use 'agentos approvals answer'" in cli.fails("approvals", "reject", question["id"])
    cli.ok("approvals", "approve", approval["id"])
    continued(run_id)
    approved, answered = cli.json("runs", "show", run_id)["decisions"]
    assert (approved["decision"], answered["output"]) == ("approve", "7")


def test_a_decision_is_remembered_listed_and_revoked(cli, agents):
    cli("chat", "payer", input="Pay\n")
    (session,) = cli.json("sessions", "list")["sessions"]
    (action,) = cli.json("approvals", "list", "--session", session["session_id"])["approvals"]
    assert " for the session by operator " in cli.ok("approvals", "approve", action["id"], "--remember")
    (rule,) = cli.json("approvals", "rules", "list", "--session", session["session_id"])["rules"]
    assert (rule["tool"], rule["decision"], rule["answered_by"]) == ("pay", "approve", "operator")
    assert rule["id"] in cli.ok("approvals", "rules", "list", "--tool", "pay")
    assert cli.json("approvals", "rules", "list", "--agent", "other")["rules"] == []
    assert cli.ok("approvals", "rules", "revoke", rule["id"]) == f"Revoked {rule['id']}.\n"
    assert "there is no remembered decision" in cli.fails("approvals", "rules", "revoke", rule["id"])
    assert cli("approvals", "rules", "list").stderr == "No decision is remembered.\n"


def test_what_comes_is_watched_until_it_is_interrupted(cli, paused):
    _, first = paused
    watching = cli.process("approvals", "watch", "--json")
    try:
        assert json.loads(watching.stdout.readline())["id"] == first
        run_id, _ = begin(cli)
        assert json.loads(watching.stdout.readline())["run_id"] == run_id
        time.sleep(0.1)
        watching.send_signal(signal.SIGINT)
        rest, errors = watching.communicate(timeout=30)
        assert (rest, watching.returncode, "Traceback" in errors) == ("", 0, False)
    finally:
        watching.kill()
        watching.communicate()
