"""What the models of the demo say."""

from __future__ import annotations

import re
from collections.abc import Iterator

PICTURE = (
    "data:image/svg+xml;base64,"
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSI4IiBoZWlnaHQ9IjgiPjwvc3ZnPg=="
)

DOT = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAABgAAAAYCAYAAADgdz34AAAAk0lEQVR42r2VwQ3AIAhFvbBIZ3AMZuiJMZij6zFK60ETY7RqBA7v"
    "Ysh/CSqE67mDJauFMUEJzlA+OxJADpPEO0ByDewKcBLcE+GqgDaCW2gmwIPwAo4EsNmWv3ZBT8AK4QXuCURRIK0gKoYXYi0gAwHV"
    "AjYQsKvAvEXml2z+TF0+mvmoMB92LuPaZeG4rEyXpa/CB88JyvqNf789AAAAAElFTkSuQmCC"
)
"""A small green picture."""

MARKDOWN = f"""\
## Rolling out version 2.1

The new version changes **how runs are stored**, so the order matters. In short: migrate, then restart the workers one
by one. Each restart takes about *ten seconds*.

1. Back up the database.
2. Run the migration:

   ```sh
   agentos db upgrade
   ```

3. Restart the workers, and watch `/ready`.

```python
from collections.abc import Iterator


def restart(workers: list[Worker], *, pause: float = 10.0) -> Iterator[str]:
    \"\"\"Restart one worker after the other.\"\"\"
    for worker in workers:
        worker.stop(graceful=True)  # streams end by themselves
        yield f"worker {{worker.id}} has stopped"
        worker.start()
        time.sleep(pause)
```

| Step        | Time   | Can be undone |
|-------------|-------:|:-------------:|
| Backup      | 2 min  | yes           |
| Migration   | 40 s   | yes           |
| Restart     | 10 s   | yes           |
| Old columns | 3 min  | **no**        |

> The last step drops the old columns. Wait a day before you run it.

- [x] Backup is there
- [ ] Migration is done

A green dot means that all is well: ![a green dot]({DOT} "All is well"). The full plan is in the
[upgrade guide](https://docs.example.com/upgrade?from=2.0#steps), and there is a
![diagram of the steps](https://pictures.example.com/steps.png).
"""

RAIN = """\
It rains in Oslo today, at **4 °C**. The archive has a report of each of the last two years:

| Year | Rain | Compared with the year before |
|---|---:|---|
| 2024 | 724 mm | 31 mm more |
| 2025 | 725 mm | 1 mm more |

The sensor on the roof does not answer, so there is no value for the last hour. `read_sensor` says why.
"""

THOUGHT = """\
The user wants to know how many days are between the two dates. March has 31 days, so from 12 March to the end of the
month there are 19 days. April adds 30, and May adds 4.

19 + 30 + 4 = 53. Let me check with day numbers: 12 March is day 71, and 4 May is day 124. 124 - 71 = 53. Good.
"""

NEST = 500
"""Levels of nesting that no reader needs."""

HOSTILE = {
    "script": "Before <script>window.hacked = 'script'</script> after"
    " <img src=x onerror=\"window.hacked='onerror'\">"
    " <svg onload=\"window.hacked='svg'\"><script>window.hacked=1</script></svg>"
    " <iframe srcdoc=\"<script>parent.hacked='iframe'</script>\"></iframe>"
    " <b onclick=\"window.hacked='click'\">bold</b>",
    "links": "[one](javascript:window.hacked='link') [two](JaVaScRiPt:window.hacked='case')"
    " [three](data:text/html,<script>window.hacked='data'</script>) [four](vbscript:x) [five](\x01javascript:alert(1))"
    " <a href=\"jav&#x09;ascript:window.hacked='tab'\">six</a> [good](https://good.example.com/path)"
    " [looks good](https://good.example.com@evil.example.net/) <https://xn--pple-43d.com/> [file](file:///etc/passwd)",
    "pictures": "![tracker](https://tracker.example.com/p.png?secret=1) ![up](http://127.0.0.1:1/x.gif)"
    f' <img src="https://tracker.example.com/raw.png"> ![vector]({PICTURE}) ![dot]({DOT})'
    ' <video src="https://tracker.example.com/v.mp4" autoplay></video>'
    ' <div style="background:url(https://tracker.example.com/css.png)">styled</div>'
    ' <link rel="stylesheet" href="https://tracker.example.com/a.css"><meta http-equiv="refresh" content="0;url=/x">'
    ' <form action="https://tracker.example.com/"><input name="key"><button>Log in</button></form>',
    "names": '<div id="app">app</div><form id="body"><input name="innerHTML"></form>'
    '<a id="location" name="cookie">x</a>'
    '<p class="nav dialog is-open" style="position:fixed;inset:0;z-index:9999;background:red">covered</p>',
    "bidi": "The file is called invoice\u202etxt.exe\u202c and the link is [safe\u202e](https://a.example.com/\u202ecod.exe)"
    " with zero\u200bwidth and \u2066isolated\u2069 text.",
    "nested": "".join(f"{'> ' * level}{level}\n" for level in range(1, NEST, 25))
    + "> " * NEST
    + "deep\n\n"
    + "".join(f"{'  ' * level}- level {level}\n" for level in range(120))
    + "\n"
    + "[" * 3000
    + "\n\n"
    + "*" * 3000
    + "x\n\n"
    + "<div>" * 2000
    + "\n\nThe end of nesting.",
    "table": "| "
    + " | ".join(f"column {n}" for n in range(60))
    + " |\n|"
    + "---|" * 60
    + "\n"
    + "".join("| " + " | ".join(f"{row}.{n}" for n in range(60)) + " |\n" for row in range(150)),
    "word": "A word without an end: " + "x" * 20000 + "\n\n`" + "y" * 5000 + "`\n\nhttps://example.com/" + "z" * 3000,
    "markdown": "```html\n<script>window.hacked='fence'</script>\n```\n\n"
    "```\"><img src=x onerror=window.hacked='info'>\n"
    "code\n```\n\n[ref]: javascript:window.hacked='ref'\n[ref]\n\n<!-- --!><img src=x onerror=window.hacked='comment'>"
    "\n\n<math><mtext><table><mglyph><style><!--</style>"
    "<img title=\"--&gt;&lt;img src=1 onerror=window.hacked='m'&gt;\">",
}
"""Answers that try to do harm, by what they try."""


def pieces(text: str) -> list[str]:
    """Return the text in the pieces that models say: words with what is behind them."""
    return re.findall(r"\S+\s*|\s+", text)


def numbered(count: int) -> Iterator[str]:
    """Yield words of which none looks like another, so that a lost or doubled one is seen."""
    for number in range(1, count + 1):
        end = "\n\n" if number % 25 == 0 else " "
        yield f"word{number}{end}"


def long_answer(tokens: int) -> list[str]:
    """Return an answer of at least so many tokens with all kinds of blocks, each with its number."""
    said: list[str] = []
    number = 0
    while len(said) < tokens:
        number += 1
        said += pieces(
            f"### Part {number}\n\nThis is part **{number}** of a long answer, with a"
            f" [link](https://example.com/{number})"
            f" and `code_{number}`. It has a few sentences so that a paragraph fills more than one line of the page, as"
            f" paragraphs do.\n\n- first of {number}\n- second of {number}\n\n```python\n"
            f"def part_{number}(value: int) -> int:\n    return value + {number}\n"
            f"```\n\n| name | value |\n|---|---|\n| part | {number} |\n\n"
        )
    return [*said, "The ", "end."]
