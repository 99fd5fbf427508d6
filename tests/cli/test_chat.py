import signal

from agentos.cli.pages import PAGE


def session_of(result) -> str:
    return result.stderr.splitlines()[0].removeprefix("Session ")


def test_a_chat_is_a_session(cli):
    result = cli("chat", "assistant", input="Hello\n\nAgain\n")
    assert (result.exit_code, result.stdout) == (0, "Hello\nAgain\n")
    [session] = cli.json("sessions", "list")["sessions"]
    assert (session["session_id"], session["agent_id"], session["run_count"]) == (session_of(result), "assistant", 2)


def test_a_session_is_continued_with_its_history(cli):
    session = session_of(cli("chat", "assistant", input="Hello\n"))
    shown = cli.ok("chat", "assistant", "--session", session, input="/history\nMore\n/history\n")
    assert shown.splitlines() == [
        *("user: Hello", "assistant: Hello"),
        "More",
        *("user: Hello", "assistant: Hello", "user: More", "assistant: More"),
    ]


def test_quit_leaves_what_follows_unsaid(cli):
    assert cli.ok("chat", "assistant", input="Hello\n/quit\nAgain\n") == "Hello\n"


def test_an_unknown_command_is_not_said_to_the_agent(cli):
    result = cli("chat", "assistant", input="/dance now\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "There is no /dance. /history shows" in result.stderr


def test_an_agent_that_is_not_there_leaves_no_session(cli):
    assert "agent with ID 'nobody' not found" in cli.fails("chat", "nobody")
    assert cli.json("sessions", "list")["count"] == 0


def test_a_session_that_is_not_there_is_refused(cli):
    assert "session with ID 'nowhere' not found" in cli.fails("chat", "assistant", "--session", "nowhere")


def test_a_script_ends_with_the_first_run_that_fails(cli, scripted_agents):
    result = cli("chat", "failing", input="Hello\nAgain\n")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == ["Error: the model said no"]


def test_ctrl_c_stops_the_answer_and_not_the_chat(cli):
    cli.ok("register", "slow", "--model", "scripted:slow-1000x0.05")
    with cli.process("chat", "slow", stdin=-1) as process:
        process.stdin.write("Go\n")
        process.stdin.flush()
        process.stdout.read(6)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate("/history\n", timeout=30)
    assert process.returncode == 1  # a script, whose first answer did not complete
    assert "Error: the run was cancelled\n" in err


def test_a_long_history_is_shown_whole(cli):
    turns = PAGE // 2 + 3
    shown = cli.ok("chat", "assistant", input="".join(f"m{n}\n" for n in range(turns)) + "/history\n").splitlines()
    assert shown[turns:] == [f"{role}: m{n}" for n in range(turns) for role in ("user", "assistant")]
