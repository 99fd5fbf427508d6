"""The console as a person uses it: what is where, by role and name. Tests look for nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from playwright.sync_api import Locator, Page, expect

SECOND = 1000

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


class Chat:
    """The view in which one talks to an agent."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def log(self) -> Locator:
        """The conversation."""
        return self.page.get_by_role("log")

    @property
    def message(self) -> Locator:
        """Where one writes."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def stop(self) -> Locator:
        """The button that ends a run."""
        return self.page.get_by_role("button", name="Stop")

    @property
    def questions(self) -> Locator:
        """What the person said."""
        return self.log.get_by_role("region", name="Your message")

    @property
    def answers(self) -> Locator:
        """What agents said, one after the other: an answer without its tools and its reasoning."""
        return self.log.locator("[data-part=answer]")

    @property
    def alert(self) -> Locator:
        """What went wrong in the conversation."""
        return self.log.get_by_role("alert")

    @property
    def reasoning(self) -> Locator:
        """What opens the reasoning of an answer."""
        return self.log.locator("summary").filter(has_text=re.compile("thought|reasoning", re.I)).first

    def choose(self, agent: str) -> None:
        """Choose an agent by its name."""
        self.page.get_by_role("combobox", name="Agent").select_option(label=agent)

    def say(self, text: str) -> None:
        """Write a message and send it."""
        before = self.questions.count()
        self.message.fill(text)
        self.message.press("Enter")
        expect(self.questions).to_have_count(before + 1)

    def ask(self, agent: str, text: str, *, seconds: float = 30) -> Locator:
        """Say something to an agent and return its answer, when it has ended."""
        self.choose(agent)
        self.say(text)
        self.wait_finished(seconds=seconds)
        return self.answers.last

    def wait_finished(self, *, seconds: float = 30) -> None:
        """Wait until the status line says that the run has ended."""
        expect(self.page.get_by_role("status").filter(has_text=re.compile("finished", re.I))).to_have_count(
            1, timeout=seconds * SECOND
        )

    def words(self) -> list[str]:
        """Return the words of the last answer as the page shows it now."""
        return self.answers.last.inner_text().split()

    def wait_words(self, count: int, *, seconds: float = 30) -> None:
        """Wait until the answer has so many words."""
        wait_for(lambda: self.answers.count() > 0 and len(self.words()) >= count, self.page, seconds, f"{count} words")

    def tool(self, name: str) -> Locator:
        """Return what opens a call of a tool."""
        return self.log.locator("summary").filter(has_text=name)


def wait_for(condition: Callable[[], object], page: Page, seconds: float = 20, what: str = "it") -> None:
    """Wait until something is true, and let the page work meanwhile."""
    for _ in range(int(seconds * 20)):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{what} did not come within {seconds:g} s")


def settled(page: Page) -> None:
    """Wait until a view is loaded, and nothing moves. A chat may follow a run for long: the network is never idle."""
    heading = page.get_by_role("main").get_by_role("heading").or_(page.get_by_label("API key"))
    expect(heading.first).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=re.compile("^(Loading|Starting)"))).to_have_count(0)
    page.wait_for_timeout(500)


def numbered_words(count: int) -> list[str]:
    """Return the words that ``Count to …`` says."""
    return [f"word{number}" for number in range(1, count + 1)]
