"""Tar archives made by hand, and what unpacking them in a jail did."""

import io
import os
import tarfile

from runtime.image import apply
from runtime.image.unpack import Limits


def tar_of(*members, form=tarfile.PAX_FORMAT):
    """A tar of (TarInfo fields, content): bytes. `pax` is a dictionary of headers."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as tar:
        for fields, content in members:
            info = tarfile.TarInfo()
            info.mode = 0o644
            for name, value in fields.items():
                setattr(info, "pax_headers" if name == "pax" else name, value)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def unpack(root, data, limits=None):
    """Unpack bytes into a directory in a jail; the report, or the refusal as VitrineError."""
    root.mkdir(exist_ok=True)
    file = root.with_name(root.name + ".tar")
    file.write_bytes(data)
    archive = os.open(file, os.O_RDONLY)
    try:
        return apply.unpack("the archive", archive, root, limits or Limits(seconds=10))
    finally:
        os.close(archive)
        file.unlink()
