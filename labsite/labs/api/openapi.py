"""The OpenAPI description of the API. A test compares it with the addresses that exist."""

from typing import Any

from labsite.labs.models import Status

Operation = dict[str, Any]


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vitrine", "version": "1", "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/api/v1"}],
        "security": [{"session": []}, {"bearer": []}],
        "paths": paths(),
        "components": {"schemas": schemas(), "securitySchemes": SECURITY},
    }


SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "with X-CSRFToken"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def paths() -> dict[str, dict[str, Operation]]:
    """Every address and its methods."""
    return {
        "/openapi.json": {"get": operation("This document", {}, 200)},
        "/lessons": {"get": operation("Every lesson, by course", {}, 200)},
        "/lessons/{course}/{lesson}/quizzes/{quiz}": {"post": operation("Grade an answer", {}, 200, ANSWER)},
        "/labs": {"post": operation("Open a lab", LAB, 201, {"lesson": {"type": "string"}})},
        "/labs/{code}": {
            "get": operation("A lab of one's own", LAB, 200),
            "delete": operation("End a lab", None, 204),
        },
        "/labs/{code}/extend": {"post": operation("More time", LAB, 200)},
        "/labs/{code}/steps/{step}/check": {
            "post": operation("Check a task, or all of a step", {}, 202, {"task": {"type": "string"}})
        },
        "/labs/{code}/steps/{step}/save": {
            "post": operation("Write a file the lesson shows into its machine", {}, 200, {"block": {"type": "integer"}})
        },
        "/labs/{code}/steps/{step}/undo": {"post": operation("Put the machines back to the step's beginning", LAB, 202)},
        "/labs/{code}/steps/{step}/catch-up": {"post": operation("Do earlier steps again in fresh machines", {}, 202)},
        "/labs/{code}/quizzes/{quiz}": {"post": operation("Grade an answer", {}, 200, ANSWER)},
        "/labs/{code}/sandboxes/{name}/reset": {"post": operation("A fresh machine", LAB, 202)},
        **FILES,
        "/labs/{code}/compare": {"get": operation("A container, a virtual machine and the host, measured now", {}, 200)},
        "/labs/{code}/race": {"post": operation("Start machines side by side and time them", {}, 202, RACE)},
        "/labs/{code}/xray": {"get": operation("What the host sees of each machine", XRAY, 200)},
    }


LAB = {"$ref": "#/components/schemas/Lab"}
XRAY = {
    "type": "object",
    "properties": {"machines": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Observation"}}},
}
RACE = {"containers": {"type": "integer", "maximum": 10}, "vms": {"type": "integer", "maximum": 3}}
ANSWER = {"chosen": {"type": "array", "items": {"type": "string"}}}


def operation(summary: str, result: dict | None, status: int, fields: dict | None = None) -> Operation:
    """One method of an address."""
    success: dict[str, Any] = {"description": summary}
    if result is not None:
        success["content"] = {"application/json": {"schema": result or {"type": "object"}}}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    failure = {"description": "A problem", "content": {"application/problem+json": problem}}
    found: Operation = {"summary": summary, "responses": {str(status): success, "default": failure}}
    if fields:
        schema = {"type": "object", "properties": fields}
        found["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return found


TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
FILES = {
    "/labs/{code}/sandboxes/{name}/files": {
        "get": operation("The names in a directory, ?path=", {}, 200),
        "post": operation("Rename a file, or make a directory", None, 204, {"path": TEXT, "to": TEXT, "directory": FLAG}),
        "delete": operation("Remove a file or a directory, ?path=", None, 204),
    },
    "/labs/{code}/sandboxes/{name}/file": {
        "get": operation("A file as text, with its version, ?path=", {}, 200),
        "put": operation("Save a file that is still at a version", {}, 200, {"path": TEXT, "text": TEXT, "version": TEXT}),
    },
    "/labs/{code}/sandboxes/{name}/raw": {
        "get": operation("A file's bytes, ?path=", {}, 200),
        "put": operation("A piece of an upload, ?path= and ?at=", None, 204),
    },
}  # fmt: skip


def schemas() -> dict[str, Any]:
    """The shapes of a lab, a machine and a problem."""
    text, when = {"type": "string"}, {"type": "string", "format": "date-time"}
    terminal = {"type": "object", "properties": {"n": {"type": "integer"}, "ws": text}}
    sandbox = {
        "name": text,
        "backend": {"enum": ["container", "vm"]},
        "status": {"enum": list(Status.values)},
        "place": {"type": ["integer", "null"], "description": "place in the waiting line"},
        "generation": {"type": "integer", "description": "counts the changes of status: the higher is the later"},
        "timings": {"type": "array", "items": {"type": "object"}},
        "machine": {"type": "object", "description": "of a virtual machine: accelerator, why, restored, phases in milliseconds"},
        "age": {"type": "number", "description": "seconds since it was asked for"},
        "error": {"type": ["object", "null"]},
        "terminals": {"type": "array", "items": terminal},
    }
    machines = {"type": "array", "items": {"type": "object", "properties": sandbox}}
    lab = {"code": text, "lesson": text, "status": text, "sandboxes": machines, "expires": when, "url": text}
    row = {"type": "object", "additionalProperties": {"type": "object"}, "description": "objects by id; docs/xray.md"}
    head = {"format": {"const": 1}, "epoch": text, "version": {"type": "integer"}, "time": {"type": "number"}}
    problem = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text, "code": text}
    return {
        "Lab": {"type": "object", "properties": lab},
        "Observation": {"type": "object", "properties": head, "additionalProperties": row},
        "Problem": {"type": "object", "properties": problem},
    }
