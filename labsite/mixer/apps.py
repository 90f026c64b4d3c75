"""Registration of the mixer app."""

from typing import Any

from django.apps import AppConfig


class MixerConfig(AppConfig):
    """Mixes: processes with chosen fences."""

    name = "labsite.mixer"
    label = "mixer"

    def ready(self) -> None:
        """A mix that waits for its sandbox begins as soon as that runs."""
        from labsite.labs.signals import sandbox_running

        sandbox_running.connect(_begin, dispatch_uid="mixer.begin")


def _begin(sender: Any, sandbox: Any, **_: Any) -> None:
    from labsite.mixer import services

    services.sandbox_runs(sandbox)
