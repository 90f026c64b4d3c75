"""Settings come from the environment, and wrong ones stop the start."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from labsite import environment


@pytest.mark.parametrize("value", ["maybe", "2", "TRUE!"])
def test_a_flag_is_yes_or_no(monkeypatch, value):
    """A flag that is neither yes nor no is refused by name."""
    monkeypatch.setenv("VITRINE_DEV", value)

    with pytest.raises(ImproperlyConfigured, match="VITRINE_DEV"):
        environment.flag("VITRINE_DEV")


@pytest.mark.parametrize("value", ["-1", "ten", "1.5"])
def test_a_number_is_whole(monkeypatch, value):
    """A number that is not one is refused by name."""
    monkeypatch.setenv("VITRINE_LAB_MINUTES", value)

    with pytest.raises(ImproperlyConfigured, match="VITRINE_LAB_MINUTES"):
        environment.number("VITRINE_LAB_MINUTES", 60)


@pytest.mark.parametrize("value", ["*", "localhost", "ftp://a", "http://a/b", "https://*.example.org"])
def test_an_origin_is_exact(monkeypatch, value):
    """An origin has a scheme and a host, no path and no star."""
    monkeypatch.setenv("VITRINE_ORIGINS", value)

    with pytest.raises(ImproperlyConfigured, match="VITRINE_ORIGINS"):
        environment.origins("VITRINE_ORIGINS", "")


def test_no_secret_key_no_site(monkeypatch, tmp_path):
    """Without a secret key the site does not start, and says what to do."""
    monkeypatch.delenv("DJANGO_SECRET_KEY", raising=False)

    with pytest.raises(ImproperlyConfigured, match="script/bootstrap"):
        environment.secret_key(tmp_path)


def test_the_key_is_read_from_the_state_directory(monkeypatch, tmp_path):
    """Bootstrap's key is used when the environment has none."""
    monkeypatch.delenv("DJANGO_SECRET_KEY", raising=False)
    (tmp_path / "secret-key").write_text("k" * 40 + "\n")

    assert environment.secret_key(tmp_path) == "k" * 40
