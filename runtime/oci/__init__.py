"""Documents of the OCI specifications, as pure data: parsed strictly, written the same every time.

Of the runtime specification: spec (config.json) and state. Of the image specification: digest
(descriptors), manifest (and index), image_config (and history), reference (names).
"""
