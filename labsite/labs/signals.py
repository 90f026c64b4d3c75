"""What other apps may want to know of labs; labs itself knows none of them."""

from django.dispatch import Signal

sandbox_running = Signal()  # sandbox: its row, which says running by now
