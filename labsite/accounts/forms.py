"""Forms of the accounts app."""

from django.contrib.auth.forms import UserCreationForm

from labsite.accounts.models import User


class SignUpForm(UserCreationForm):
    """A name and a password, for a new learner or for a guest who wants to stay."""

    class Meta:
        model = User
        fields = ("username",)

    def save(self, commit: bool = True) -> User:
        """An account is no guest, whatever it was before."""
        self.instance.is_guest = False
        return super().save(commit)
