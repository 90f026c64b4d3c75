"""What the lab's page asks of recordings, which the labs app may not import."""
