"""The views of the console that are looked at: by people, in pictures, and by axe."""

from __future__ import annotations

from browser.serving import Demo

VIEWS = (
    "chat", "chat-markdown", "chat-reasoning", "chat-tools", "chat-approval", "chat-question", "chat-failed",
    "sessions", "runs", "run", "run-retried", "run-failed", "approvals", "agents", "agent-of-code", "agent",
    "agent-new", "tools", "tool", "models", "plugins", "settings", "health", "keys",
)  # fmt: skip
"""Their names."""

SESSIONS = {
    "chat-markdown": "Rolling out version 2.1",
    "chat-reasoning": "Days until the fair",
    "chat-tools": "Rain in Oslo",
    "chat-approval": "Broken headphones of order A-1042",
    "chat-question": "Room for Monday",
    "chat-failed": "The account has no credit",
}
RUNS = {"run": "researcher", "run-retried": "flaky", "run-failed": "broken"}
OTHERS = {
    "agent-of-code": "agents/researcher",
    "agent": "agents/editor",
    "agent-new": "agents?new=1",
    "tool": "tools/search_archive",
    **{name: f"operate/{name}" for name in ("models", "plugins", "settings", "health", "keys")},
}


def path(demo: Demo, view: str, key: str = "admin") -> str:
    """Return where a view is, with what ``seed`` made."""
    client = demo.client(key)
    if view in SESSIONS:
        found = client.get("/api/v1/sessions?limit=100").json["sessions"]
        session = next(one for one in reversed(found) if one["name"] == SESSIONS[view])
        return f"#/chat/{session['session_id']}"
    if view in RUNS:
        runs = client.get(f"/api/v1/runs?agent_id={RUNS[view]}&limit=100").json["runs"]
        return f"#/runs/{runs[-1]['run_id']}"
    return f"#/{OTHERS.get(view, view)}"
