"""Labs: a learner, a lesson, and the sandboxes that belong to them for a while."""
