"""The HTTP API, version 1. Its description is at /api/v1/openapi.json."""
