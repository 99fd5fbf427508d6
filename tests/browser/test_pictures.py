"""Pictures of the views, kept in build/browser/ to look at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from browser.console import THEMES, Chat, settled
from browser.serving import Demo
from browser.views import VIEWS, path
from browser.watched import OpenPage

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "build" / "browser"
HEIGHTS = {1280: 800, 390: 844}
"""The widths, and of each the height."""


@pytest.mark.parametrize("view", VIEWS)
def test_pictures_are_kept(demo: Demo, open_page: OpenPage, view: str) -> None:
    page = open_page(demo, path(demo, view), reduced_motion="reduce").page
    settled(page)
    for width, height in HEIGHTS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(250)
            keep(page.screenshot(), PICTURES / f"{view}-{width}-{theme}.png")


def test_the_picture_of_the_readme_is_made(demo: Demo, open_page: OpenPage) -> None:
    page = open_page(demo, width=1280, height=800, device_scale_factor=2, reduced_motion="reduce").page
    chat = Chat(page)
    chat.ask("Researcher", "How much rain was there in Oslo?")
    chat.tool("weather").click()
    page.mouse.move(0, 0)
    chat.message.focus()
    page.wait_for_timeout(500)
    picture = page.screenshot()
    keep(picture, PICTURES / "console.png")
    # `make browser` must not change what is committed, unless that is wanted.
    if os.environ.get("AGENTOS_PICTURES"):
        keep(picture, ROOT / "docs" / "images" / "console.png")


def keep(picture: bytes, place: Path) -> None:
    """Write a picture."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(picture)
