"""The two documents of the OCI runtime specification: the spec (config.json) and the state."""
