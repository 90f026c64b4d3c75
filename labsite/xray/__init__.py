"""The x-ray of a lab: what the node sees of its machines, passed on to whoever may look."""
