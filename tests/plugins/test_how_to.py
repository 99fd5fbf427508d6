"""The plugin of the how-to does what the page says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parts.waiting import until

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "decide-and-observe.md"


@pytest.fixture
def page() -> SimpleNamespace:
    namespace: dict[str, Any] = {}
    for block in PAGE.read_text("utf-8").split("```python\n")[1:]:
        exec(block.split("```")[0], namespace)
    return SimpleNamespace(**namespace)


def test_the_office_keeps_budgets_keeps_secrets_and_counts(serve, page) -> None:
    office = page.Office()
    served = serve(plugins={"office": office})
    served.services.start()
    assert served.run("Hi").status_code == 200
    assert [one.content for one in served.provider.requests[0].messages] == ["You speak with anonymous.", "Hi"]
    denied = served.run("this is internal only")
    assert (denied.status_code, denied.json["message"]) == (422, "this text must not leave the house")
    until(lambda: office.finished == 1)
    office.used["anonymous"] = page.LIMIT
    refused = served.run("Hi")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3600")
    served.services.close()
    assert not office.thread.is_alive()


def test_the_report_is_written_for_its_owner(serve, page) -> None:
    office = page.Office()
    served = serve(plugins={"office": office}, model="scripted:echo")
    served.services.start()
    assert page.daily_report(office.server) == "Write the daily report."
    assert served.client.get("/api/v1/runs").json["runs"] == [], "it is another owner's"
