"""What the mixer's form may say."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labsite.labs import gateway
from labsite.mixer.measuring import KINDS, QUESTIONS

SETS = ("all", "docker", "none")
YES_NO = (("yes", "yes"), ("no", "no"))
NEEDS_MOUNT = _("A read-only root needs a mount namespace of its own: without one, the root of the host would become read-only.")


class MixForm(forms.Form):
    """A letter, a recipe, and an answer to each question."""

    letter = forms.ChoiceField(choices=[("a", "A"), ("b", "B")])
    namespaces = forms.MultipleChoiceField(choices=[(kind, kind) for kind in KINDS], required=False)
    capabilities = forms.ChoiceField(choices=[(name, name) for name in SETS])
    seccomp = forms.BooleanField(required=False)
    read_only = forms.BooleanField(required=False)
    limits = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for question in QUESTIONS:
            self.fields[f"guess-{question}"] = forms.ChoiceField(choices=YES_NO)

    def clean(self) -> dict[str, Any]:
        """Refuse what cannot be chosen together, and a question without an answer."""
        found = super().clean() or {}
        if found.get("read_only") and "mount" not in found.get("namespaces", ()):
            words = _(
                "A read-only root needs a mount namespace of its own: without one, the root of the host would become read-only."
            )
            self.add_error("read_only", words)
        if any(f"guess-{question}" not in found for question in QUESTIONS):
            self.add_error(None, _("Say first what you expect: every question has an answer before the start."))
        return found

    def recipe(self) -> "gateway.Mix":
        """As the runtime takes it."""
        names = ("letter", "namespaces", "capabilities", "seccomp", "read_only", "limits")
        return gateway.recipe_of_mix({name: self.cleaned_data[name] for name in names})

    def guesses(self) -> dict[str, bool]:
        """Question → does she expect a yes?"""
        return {question: self.cleaned_data[f"guess-{question}"] == "yes" for question in QUESTIONS}
