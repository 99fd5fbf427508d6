"""The page itself: a few lines of HTML that name the files."""

from __future__ import annotations

from html import escape

from agentos_console.assets import read_manifest

DOCUMENT = """<!doctype html>
<html lang="en" data-base="{base}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{assets}/{icon}" type="image/svg+xml">
<script src="{assets}/{theme}"></script>
{styles}
{preload}
<script type="module" src="{assets}/{script}"></script>
</head>
<body>
<div id="app"></div>
<noscript>
<p>The console needs JavaScript. The API does not.</p>
</noscript>
</body>
</html>
"""


def render_page(*, title: str, base: str, assets: str, theme: str | None) -> str:
    """Return the page. ``base`` is the path under which the server is reached, ``assets`` that of the files.

    It is public, so it names nothing that is not: no agent, no user, no version.
    """
    manifest = read_manifest()
    root = escape(assets)
    styles = [manifest.style, *([] if theme is None else [theme])]
    return DOCUMENT.format(
        base=escape(base),
        title=escape(title),
        assets=root,
        icon=manifest.icon,
        theme=manifest.theme,
        script=manifest.script,
        styles="\n".join(f'<link rel="stylesheet" href="{root}/{name}">' for name in styles),
        preload="\n".join(f'<link rel="modulepreload" href="{root}/{name}">' for name in manifest.preload),
    )
