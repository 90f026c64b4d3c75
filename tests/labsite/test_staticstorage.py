"""Static files under their digest: nothing refers to a file that could be stale."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")
HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")


@pytest.fixture
def collected(settings, tmp_path) -> Path:
    """What bootstrap collects."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "labsite.staticstorage.HashedStorage"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def test_every_import_names_a_digest(collected):
    """A module imports the very version it was collected with; each file it names is there."""
    modules = [path for path in (collected / "js").rglob("*.js") if HASHED.search(path.name)]
    imports = [(path, found) for path in modules for found in IMPORT.findall(path.read_text())]

    assert len(imports) > 50
    assert [f"{path.name}: {found}" for path, found in imports if not HASHED.search(found)] == []
    assert [found for path, found in imports if not (path.parent / found).resolve().is_file()] == []


def test_the_plain_name_leads_to_the_digest(collected):
    """Templates name css/base.css; the page gets the one of this content, compressed beside it."""
    address = staticfiles_storage.url("css/base.css")

    assert HASHED.search(address)
    assert (collected / (address.removeprefix("/static/") + ".gz")).is_file()
