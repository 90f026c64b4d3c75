"""The cast of the site's tests: Lena learns, Otto is a stranger, and a node that only keeps a list.

The node here answers for the spawner, so that the rules of the site can be tested without
root; tests/e2e and tests/faults use the real one.
"""

from dataclasses import dataclass, field

import pytest
from django.core.cache import cache

from labsite.accounts.models import User
from labsite.celery import app
from labsite.labs import gateway, services
from labsite.labs.lessonbook import find
from labsite.labs.models import LabSession, Sandbox

LESSON = "containers/namespaces"


@dataclass
class Node:
    """Remembers which sandboxes were made; can be told to fail."""

    sandboxes: dict = field(default_factory=dict)
    created: list = field(default_factory=list)
    failure: gateway.GatewayError | None = None
    kept: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)

    def snapshot(self, sandbox: Sandbox, name: str) -> None:
        self.kept.setdefault(sandbox.runtime_id, []).append(name)

    def snapshots(self, runtime_id: str) -> list:
        return list(self.kept.get(runtime_id, []))

    def forget(self, runtime_id: str, after: str | None = None) -> None:
        names = self.kept.get(runtime_id, [])
        self.kept[runtime_id] = names[: names.index(after) + 1] if after else []

    def create(self, sandbox: Sandbox) -> list:
        if self.failure:
            raise self.failure
        self.sandboxes[sandbox.runtime_id] = {"id": sandbox.runtime_id}
        self.created.append(sandbox.runtime_id)
        self.requests.append(dict(sandbox.request))
        return [{"name": "clone", "duration_us": 900}]

    def delete(self, runtime_id: str) -> None:
        self.sandboxes.pop(runtime_id, None)

    def racers(self) -> list:
        return [each for each in self.sandboxes if "-race-" in each]

    def alive(self) -> dict:
        return dict(self.sandboxes)


@pytest.fixture(autouse=True)
def site(settings):
    """No Redis: caches and channels in this process; tasks run where they are sent."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ORIGINS = ["http://localhost:8000"]
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False
    cache.clear()


@pytest.fixture
def node(monkeypatch) -> Node:
    """An empty node."""
    node = Node()
    for name in ("create", "delete", "alive", "snapshot", "snapshots", "forget", "racers"):
        monkeypatch.setattr(gateway, name, getattr(node, name))
    monkeypatch.setattr("labsite.labs.tasks.prepare", lambda sandbox: None)
    return node


@pytest.fixture
def learner(db) -> User:
    """Lena, who learns."""
    return User.objects.create_user("lena", password="a long enough one")


@pytest.fixture
def stranger(db) -> User:
    """Otto, who may see nothing of hers."""
    return User.objects.create_user("otto", password="another long one")


@pytest.fixture
def lesson():
    """The first lesson."""
    return find(LESSON, "en")


@pytest.fixture
def open_lab(node, lesson, django_capture_on_commit_callbacks):
    """Open a lab as the site does, tasks included."""

    def open_one(user: User, address: str | None = None) -> LabSession:
        with django_capture_on_commit_callbacks(execute=True):
            lab = services.open_lab(user, lesson, address)
        return LabSession.objects.get(pk=lab.pk)

    return open_one


@pytest.fixture
def lab(open_lab, learner) -> LabSession:
    """Lena's lab, running."""
    return open_lab(learner)
