"""Static files with their digest in the name: browsers may keep them for ever, and never a stale one.

`collectstatic` writes `css/base.css` once more as `css/base.<digest>.css`, compressed beside it,
and rewrites what refers to it: `{% static %}` in templates, `url()` in style sheets, and the
`import … from "./x.js"` of modules, without which a page would mix old modules with new.
"""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """whitenoise's storage, module imports included."""

    support_js_module_import_aggregation = True
