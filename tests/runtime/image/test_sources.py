"""Packages come from the host's own distribution and no other repository of the host."""

import subprocess
from pathlib import Path

import pytest

from runtime.errors import VitrineError
from runtime.image import sources

HOST = sources.Distribution("debian", "bookworm", Path("/keyring.gpg"))


def apt_prints(monkeypatch, text):
    """Let apt-get answer with these lines."""
    done = subprocess.CompletedProcess([], 0, stdout=text)
    monkeypatch.setattr(sources.subprocess, "run", lambda *args, **options: done)


def test_other_repositories_are_left_out(monkeypatch):
    """A vendor's repository, and another release, never get into an image."""
    apt_prints(
        monkeypatch,
        "http://mirror/debian/ bookworm main\n"
        "http://mirror/debian/ bookworm contrib\n"
        "http://vendor/ nodistro main\n"
        "http://mirror/debian/ trixie main\n"
        "http://mirror/security/ bookworm-security main\n",
    )

    assert [
        "deb [signed-by=/keyring.gpg] http://mirror/debian/ bookworm main",
        "deb [signed-by=/keyring.gpg] http://mirror/security/ bookworm-security main",
    ] == sources.sources(HOST)


def test_another_release_comes_from_the_same_mirrors(monkeypatch):
    """A recipe may name a release; the host's mirrors have it under another name."""
    apt_prints(monkeypatch, "http://mirror/debian/ bookworm main\nhttp://mirror/security/ bookworm-security main\n")

    newer = sources.released(HOST, {"debian": "trixie", "ubuntu": "noble"})

    assert [
        "deb [signed-by=/keyring.gpg] http://mirror/debian/ trixie main",
        "deb [signed-by=/keyring.gpg] http://mirror/security/ trixie-security main",
    ] == sources.sources(newer)


def test_a_recipe_without_a_release_follows_the_host():
    """So does one that names a release of another distribution only."""
    assert "bookworm" == sources.released(HOST, {"ubuntu": "noble"}).codename


def test_no_source_is_an_error(monkeypatch):
    """A host without a source for its own release is told so."""
    apt_prints(monkeypatch, "")

    with pytest.raises(VitrineError, match="bookworm"):
        sources.sources(HOST)
