"""People: guests, learners who signed up, instructors (staff) and operators (superusers)."""
