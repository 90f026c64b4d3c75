"""Ada writes lessons; a desk with a directory of its own."""

import pytest
from django.contrib.auth.models import Group

from labsite.accounts.models import User
from labsite.desk import services
from labsite.labs import gateway

TEXT = "---\ntitle: Two names\n---\n\n## Look {#look}\n\nLook at it.\n"


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    """A state directory for the desk alone, and a node that has every image."""
    monkeypatch.setenv("VITRINE_STATE", str(tmp_path))
    monkeypatch.setattr(gateway, "has_image", lambda name: True)
    return tmp_path


@pytest.fixture
def author(db) -> User:
    """Ada, of the group that may write."""
    ada = User.objects.create_user("ada", password="a very long one")
    ada.groups.add(Group.objects.get(name="authors"))
    return ada


@pytest.fixture
def writer(client, author):
    """Her browser."""
    client.force_login(author, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def draft(author):
    """A lesson of hers, in its first version."""
    return services.begin(author, "two-names", {"lesson.md": TEXT.encode()}, "begun")
