"""``flask agentos doctor`` has guest processes import what they run."""

import json

MODULE = """
class Agent:
    async def stream(self, context):
        yield "Hello"

agent = Agent()
number = 7
"""


def findings(cli):
    checks = json.loads(cli("doctor", "--json").stdout)["checks"]
    return {check["name"]: (check["status"], check["detail"]) for check in checks}


def test_doctor_imports_what_guests_run(cli, tmp_path):
    (tmp_path / "guest_module.py").write_text(MODULE)
    targets = {"good": "guest_module:agent", "number": "guest_module:number", "lost": "no_module:agent"}
    for name, target in targets.items():
        cli.ok("register", name, "--guest", target, "--guest-path", str(tmp_path))
    cli.ok("register", "nowhere", "--guest", "guest_module:agent", "--guest-python", "/nowhere/python")
    found = findings(cli)
    assert found["agent good"][0] == "ok"
    assert found["agent good"][1].startswith("no model of ours, from stored, in a guest process (python 3.")
    assert [found[f"agent {name}"][0] for name in ("number", "lost", "nowhere")] == ["failed"] * 3
    assert "is a value of type builtins.int and no agent" in found["agent number"][1]
