"""Verifying: are the bytes still those that the names were given for?

A disk may lose bits and an operator may make a mistake. The blobs are digested anew; each tree is
turned into a tar again, whose digest was noted when the tree was made. What is wrong is listed, so
that an image can be imported or built again before a student meets the damage.
"""

from __future__ import annotations

from collections.abc import Iterator

from runtime.errors import VitrineError
from runtime.image.layer import write_layer
from runtime.image.store import Image, Store


def verify(store: Store, image: Image) -> Iterator[str]:
    """What is wrong with an image, a line for each; nothing if all is well."""
    for tree, blob, diff in store.each_layer(image):
        if problem := store.blobs.check(blob):
            yield problem
        try:
            record = store.record(tree)
            found = write_layer(tree, None).diff_id
        except (OSError, ValueError, VitrineError) as error:
            yield f"layers/{tree.name}: {error}"
            continue
        if record["diff_id"] != diff or record["tree"] != found:
            yield f"layers/{tree.name} is no longer what was unpacked: remove it while no sandbox stands on it, and import again"
