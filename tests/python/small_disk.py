"""A file system with little room, which is gone when the test is, whatever happened."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path


def as_root(*command):
    prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
    subprocess.run([*prefix, *command], check=True, capture_output=True, timeout=20)


@contextlib.contextmanager
def small_disk(megabytes):
    """A tmpfs of this size; mounting it needs root, or sudo without a password."""
    place = Path(tempfile.mkdtemp(prefix="portcullis-disk."))
    options = f"size={megabytes}m,mode=0700,uid={os.getuid()},gid={os.getgid()}"
    try:
        as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place))
        try:
            yield place
        finally:
            # Lazily: a process that a failed test left behind must not keep it.
            as_root("umount", "--lazy", str(place))
    finally:
        place.rmdir()
