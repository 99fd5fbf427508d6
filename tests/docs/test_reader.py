"""The reader of pages notices what does not work."""

from pathlib import Path

import pytest

from parts.pages import Block, steps_of
from parts.reader import Reader

WORKS = """
```sh
cd .venv/..
word=one; export OTHER='two
lines'
```
Text between them.
```sh
echo "{\\"word\\": \\"$word\\", \\"other\\": \\"$OTHER\\", \\"numbers\\": [1, 2], \\"more\\": null}" | tr '\\n' ' '
```
```json
{"word": "…", "numbers": [7], "…": "…"}
```
```python
# package/module.py
LINES = 3
```
```python
from package.module import LINES

assert LINES == 3
```
<!-- not run: because -->
```sh
false
```
"""


def _page(tmp_path: Path, text: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(text)
    return page


def test_a_page_that_works_is_read_to_its_end(tmp_path: Path) -> None:
    page = _page(tmp_path, WORKS)
    with Reader(tmp_path, {}) as reader:
        assert len(reader.read(page)) == 2
    *_, last = steps_of(page)
    assert isinstance(last, Block)
    assert last.not_run == "because"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```sh\nfalse | true\n```", "page.md:1 does not work"),
        ("```sh\necho $no_such_variable\n```", "unbound variable"),
        ("```sh\ncurl -s http://127.0.0.1:8080/\n```", "does not work"),
        ("```sh\ncurl -s https://example.com/\n```", "does not work"),
        ("```sh\nprintf 'event: error\\ndata: {}\\n'\n```", "does not work"),
        ("```sh\npip install no-such-package\n```", "no-such-package"),
        ("<!-- server: -->\n```sh\ncurl -s http://127.0.0.1:8080/api/v1/agents/no-such-agent\n```", "AGENT_NOT_FOUND"),
        ("<!-- server: AGENTOS_WORKERS=none -->", "the server ended"),
        ('```sh\necho \'{"a": 1}\'\n```\n```json\n{"b": 1}\n```', "the answer has no 'b'"),
        ('```sh\necho \'{"a": 1}\'\n```\n```json\n{"a": "…"}\n```', "the answer.a is 1"),
        ("```python\n1 / 0\n```", "ZeroDivisionError"),
        ("```python\n# broken.py\nimport no_such_module\n```", "no_such_module"),
        ("```python\n# test_it.py\ndef test_it():\n    assert False\n```\n```sh\npytest\n```", "1 failed"),
        ("```toml\na = \n```", "page.md:1 does not work"),
        ("```yaml\na: [\n```", "page.md:1 does not work"),
        ("```ini\nno section\n```", "page.md:1 does not work"),
        ("```fortran\nend\n```", "fortran"),
        ("```\nwithout a language\n```", "without a language"),
        ("<!-- skip: because -->", "not 'skip'"),
    ],
)
def test_what_does_not_work_is_an_error_that_names_the_place(tmp_path: Path, text: str, words: str) -> None:
    page = _page(tmp_path, text)
    with Reader(tmp_path, {}) as reader, pytest.raises(AssertionError) as raised:
        reader.read(page)
    assert words in str(raised.value)
