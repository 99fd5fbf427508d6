"""What the pages are watched for is noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.serving import Demo
from browser.watched import Watched


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("location.href = 'https://elsewhere.example.com/'", "request to another host"),
        ("fetch('https://elsewhere.example.com/').catch(() => 0)", "connect-src"),
        ("console.error('it is broken')", "it is broken"),
        ("setTimeout(() => { throw Error('unforeseen') })", "unforeseen"),
        ("fetch('/api/v1/runs/none')", "404"),
        ("document.body.setAttribute('style', 'color: red')", "style-src"),
        ("document.body.innerHTML = '<b>bold</b>'", "require-trusted-types-for"),
        ("document.body.appendChild(new Image()).src = 'https://elsewhere.example.com/x.png'", "img-src"),
    ],
)
def test_a_page_that_does_what_it_must_not_is_noticed(
    demo: Demo, open_page: Callable[..., Watched], deed: str, said: str
) -> None:
    watched = open_page(demo)
    watched.page.wait_for_load_state("networkidle")
    watched.check()
    watched.page.evaluate(f"() => {{ try {{ {deed} }} catch (error) {{}} }}")
    watched.page.wait_for_timeout(500)
    found, watched.failures[:] = list(watched.failures), []
    assert any(said in failure for failure in found), found
