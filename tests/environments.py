"""Python environments as pip leaves them, made by hand: enough to be read, nothing to be run."""

from __future__ import annotations

import shutil
from pathlib import Path


def make(folder: Path, **packages: str) -> Path:
    """A virtual environment that holds these packages; underscores in names are kept."""
    site = folder / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True, exist_ok=True)
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "python").touch()
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.4\n")
    install(folder, **packages)
    return folder


def install(folder: Path, **packages: str) -> None:
    """Put packages into an environment, instead of the versions that it holds."""
    site = folder / "lib" / "python3.11" / "site-packages"
    for name, version in packages.items():
        for old in site.glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nA description.\n"
        )
