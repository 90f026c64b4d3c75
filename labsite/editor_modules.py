"""Where a browser finds the modules of the editor.

CodeMirror is many small packages that import each other by their bare names. A browser asks the page's import
map what a bare name means; this is the one list behind that map and behind what is served.
"""

import json
from functools import cache

from django.templatetags.static import static

PACKAGES = {
    f"{scope}/{name}": f"{scope}/{name}/dist/index.js"
    for scope, names in {
        "@codemirror": "autocomplete commands lang-css lang-html lang-javascript lang-json lang-markdown lang-python "
        "lang-yaml language lint merge search state streamparser view",
        "@lezer": "common css highlight html javascript json lr markdown python yaml",
    }.items()
    for name in names.split()
} | {
    "@marijn/find-cluster-break": "@marijn/find-cluster-break/src/index.js",
    "crelt": "crelt/index.js",
    "style-mod": "style-mod/src/style-mod.js",
    "w3c-keyname": "w3c-keyname/index.js",
}
MODES = ("shell", "toml", "dockerfile", "nginx", "properties", "go", "clike", "diff", "lua", "perl", "ruby", "rust")
PACKAGES |= {f"@codemirror/legacy-modes/mode/{name}": f"@codemirror/legacy-modes/mode/{name}.js" for name in MODES}
FILES = (*PACKAGES.values(), "@codemirror/legacy-modes/mode/simple-mode.js")


@cache
def import_map() -> str:
    """The map as JSON; the addresses are those of this release's static files."""
    return json.dumps({"imports": {name: static(f"vendor/{path}") for name, path in PACKAGES.items()}})
