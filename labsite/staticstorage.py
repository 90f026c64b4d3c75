"""Static files with their digest in the name: browsers may keep them for ever, and never a stale one.

`collectstatic` writes `css/base.css` once more as `css/base.<digest>.css`, compressed beside it,
and rewrites what refers to it: `{% static %}` in templates, `url()` in style sheets, and the
`import … from "./x.js"` of modules, without which a page would mix old modules with new.
"""

import re
from collections.abc import Callable
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """whitenoise's storage, module imports included."""

    support_js_module_import_aggregation = True

    def url_converter(self, name: str, hashed_files: dict[str, str], template: str | None = None) -> Callable[..., str]:
        """As Django rewrites it; but `import("@codemirror/view")` is a name for the page's import map, and no path."""
        rewrite = super().url_converter(name, hashed_files, template)

        def convert(match: re.Match[str]) -> Any:
            bare = name.endswith(".js") and not match["url"].startswith((".", "/"))
            return match["matched"] if bare else rewrite(match)

        return convert
