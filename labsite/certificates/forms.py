"""The name on a certificate, checked: it is printed, and shown to strangers."""

import unicodedata
from typing import Any

from django import forms
from django.utils.translation import gettext as _

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, bidi and invisible characters


class NameForm(forms.Form):
    """What was finished, and by whom."""

    subject = forms.CharField(max_length=161)
    name = forms.CharField(max_length=80)

    def clean_name(self) -> Any:
        """One line of visible letters."""
        name = " ".join(unicodedata.normalize("NFC", self.cleaned_data["name"]).split())
        if any(unicodedata.category(letter) in HIDDEN for letter in name) or not any(letter.isalpha() for letter in name):
            raise forms.ValidationError(_("A name has letters, and no invisible characters."))
        return name
