"""What accounts tell the apps above them, which they may not import."""

from django.dispatch import Signal

# Sent with `guest` and `user` when a guest signs in to an account she already has: whoever
# keeps something of a guest's gives it to the user. The guest's row is deleted afterwards.
guest_joined = Signal()
