"""Serve a few named files out of node_modules, and nothing else of it.

The terminal in the page is xterm.js. It is installed by `npm ci` and never committed, so
Django has to be told where it lies. Handing out all of node_modules would publish
thousands of files nobody chose; this finder knows its files by name. They appear under
`static/vendor/<package>/…`, both from the development server and after `collectstatic`.

Of xterm the `.mjs` builds are taken: they point at no source map. Those of lit-html do, and
`collectstatic` rightly refuses a reference to a file that is missing, so the maps go along.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

from labsite import editor_modules

PREFIX = "vendor"
FILES = (
    "@xterm/xterm/css/xterm.css",
    "@xterm/xterm/lib/xterm.mjs",
    "@xterm/addon-clipboard/lib/addon-clipboard.mjs",
    "@xterm/addon-fit/lib/addon-fit.mjs",
    "@xterm/addon-search/lib/addon-search.mjs",
    "@xterm/addon-unicode-graphemes/lib/addon-unicode-graphemes.mjs",
    "@xterm/addon-web-links/lib/addon-web-links.mjs",
    *(
        f"lit-html/{name}{ending}"
        for name in ("lit-html.js", "directive.js", "directive-helpers.js", "directives/repeat.js")
        for ending in ("", ".map")
    ),
    "uplot/dist/uPlot.esm.js",
    "uplot/dist/uPlot.min.css",
    *editor_modules.FILES,
)


class NodeModulesFinder(BaseFinder):
    """Find `vendor/<name>` for the names in FILES."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.root = Path(settings.BASE_DIR) / "node_modules"
        self.storage = FileSystemStorage(location=self.root)
        self.storage.prefix = PREFIX  # type: ignore[attr-defined]  # collectstatic puts it before each path

    def check(self, **kwargs: Any) -> list[Any]:
        """Report nothing: a missing file shows at collectstatic, with its name."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return the file behind one static path, or an empty list as Django expects."""
        name = path.removeprefix(f"{PREFIX}/")
        known = path.startswith(f"{PREFIX}/") and name in FILES and (self.root / name).is_file()
        if not known:
            return []
        found = str(self.root / name)
        return [found] if find_all or kwargs.get("all") else found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield every named file for collectstatic; one that is absent is an error there."""
        for name in FILES:
            yield name, self.storage
