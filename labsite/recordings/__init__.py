"""Recordings: what a learner's terminals showed and what the x-ray saw, kept with her consent. See docs/recording.md."""
