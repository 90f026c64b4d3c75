"""What the desk's forms say, checked at the door."""

from django import forms
from django.utils.translation import gettext_lazy as _

from labsite.desk import archives, folders, repository, services
from labsite.desk.folders import LARGEST, LARGEST_IN_ALL, Files, Refused


class BeginForm(forms.Form):
    """A new lesson: from nothing, from an archive, or from a repository."""

    slug = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]*$", max_length=60, label=_("Name in the address"),
        error_messages={"invalid": _("Lower-case letters, digits and - only.")},
    )  # fmt: skip
    title = forms.CharField(max_length=120, required=False, label=_("Title"))
    archive = forms.FileField(required=False, label=_("A zip or tar archive"))
    url = forms.CharField(max_length=300, required=False, label=_("Or the https address of a Git repository"))

    def contents(self) -> tuple[Files, str]:
        """The files it begins with, and how they came."""
        if self.cleaned_data["archive"]:
            return archives.read(self.cleaned_data["archive"].read(LARGEST_IN_ALL + 1)), "imported from an archive"
        if self.cleaned_data["url"]:
            return repository.read(self.cleaned_data["url"]), "imported from Git"
        return services.scaffold(self.cleaned_data["title"] or self.cleaned_data["slug"]), "begun"


class TextForm(forms.Form):
    """The text of one file, and the version it was written upon."""

    text = forms.CharField(strip=False, required=False, max_length=LARGEST)
    seen = forms.IntegerField(min_value=1, required=False)
    name = forms.CharField(max_length=400, initial="lesson.md")

    def clean_text(self) -> str:
        """Browsers send CR LF; lessons have LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n").replace("\r", "\n")

    def clean_name(self) -> str:
        """A name that may stand in the folder."""
        try:
            folders.judge_name(self.cleaned_data["name"])
        except Refused as error:
            raise forms.ValidationError(str(error)) from error
        return str(self.cleaned_data["name"])
