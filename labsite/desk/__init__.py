"""The authoring desk: lessons written in the browser, with versions, tests and an import."""
