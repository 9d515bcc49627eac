"""How a project comes to a package, by its syntax."""

from __future__ import annotations

from pathlib import Path

from perfctl.collectors.packages import Environment
from perfctl.deps.imports import how_imported, imported_modules, packages_by_module
from perfctl.deps.inventory import read_environment


def test_imports_of_the_project_alone(tmp_path: Path) -> None:
    """Not those of environments, of hidden folders, of files that are no Python; nothing is run."""
    files = {
        "app/views.py": "import jinja2.loaders as l\nfrom django.http import x\nfrom . import y\n",
        "app/late.py": "def f():\n    import six\nraise SystemExit\n",
        "app/broken.py": "import (",
        "app/text.txt": "import a",
        "env/pyvenv.cfg": "",
        "env/lib/x.py": "import b",
        ".hidden/x.py": "import c",
        "node_modules/x.py": "import d",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert imported_modules(tmp_path) == {"jinja2", "django", "six"}


def test_directly_through_another_or_never(tmp_path: Path) -> None:
    """By the modules that each package brings, which may be called otherwise."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for name, requires, record in (
        ("PyYAML", "", "yaml/__init__.py,,\n"),
        ("jinja2", "Requires-Dist: markupsafe\n", "jinja2/__init__.py,,\n../../bin/x,,\n"),
        ("markupsafe", "", "markupsafe/__init__.py,,\n"),
        ("six", "", "six.py,,\nsix-1.dist-info/METADATA,,\n"),
    ):
        folder = site / f"{name}-1.dist-info"
        folder.mkdir(parents=True)
        folder.joinpath("METADATA").write_text(f"Name: {name}\nVersion: 1\n{requires}\n")
        folder.joinpath("RECORD").write_text(record)
    environment = Environment("x", "x", (str(site),))
    by_module = packages_by_module(environment)
    assert by_module == {
        "yaml": {"pyyaml"},
        "jinja2": {"jinja2"},
        "markupsafe": {"markupsafe"},
        "six": {"six"},
    }
    found = how_imported(read_environment(environment).packages, {"jinja2", "os"}, by_module)
    assert found == {
        "jinja2": "direct",
        "markupsafe": "through",
        "pyyaml": "never",
        "six": "never",
    }
