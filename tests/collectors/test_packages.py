"""Package sets are read from site-packages, whatever environment was meant."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from perfctl.collectors.packages import Environment, find_environment, read_packages, stamp
from perfctl.errors import UsageError
from tests import environments


def test_all_packages_with_their_versions(tmp_path: Path) -> None:
    """Names are normalised as PyPI does; the version of Python stands beside them."""
    venv = environments.make(tmp_path / "venv", Django="5.2.1", typing_extensions="4.12.2")

    found = read_packages(find_environment({}, [], venv=str(venv)))

    assert found.packages == {"django": "5.2.1", "typing-extensions": "4.12.2", "python": "3.11"}
    assert found.unreadable == 0


def test_the_environment_of_the_tests_is_read_as_its_own_python_sees_it() -> None:
    """Against a real environment, installed by pip."""
    found = read_packages(find_environment({}, [], python=sys.executable)).packages

    for name in ("django", "pytest", "rich"):
        assert found[name] == version(name)


@pytest.mark.parametrize("said", ["--venv", "--python", "VIRTUAL_ENV", "the project's .venv"])
def test_whose_packages_they_are_is_said(tmp_path: Path, said: str) -> None:
    """What is named goes before the active environment, that before the project's own."""
    project = tmp_path / "project"
    (project / "src" / "app").mkdir(parents=True)
    venvs = {
        "--venv": environments.make(tmp_path / "named", one="1"),
        "--python": environments.make(tmp_path / "other", one="1"),
        "VIRTUAL_ENV": environments.make(tmp_path / "active", one="1"),
        "the project's .venv": environments.make(project / ".venv", one="1"),
    }
    environ = {"VIRTUAL_ENV": str(venvs["VIRTUAL_ENV"])} if "project" not in said else {}

    found = find_environment(
        environ,
        [project / "src" / "app"],
        venv=str(venvs["--venv"]) if said == "--venv" else None,
        python=f"{venvs['--python']}/bin/python" if said == "--python" else None,
    )

    assert (found.origin, found.target) == (said, str(venvs[said]))
    assert found.paths == (f"{venvs[said]}/lib/python3.11/site-packages",)


def test_without_any_other_they_are_those_that_perfctl_runs_with(tmp_path: Path) -> None:
    """And that is said too."""
    found = find_environment({"VIRTUAL_ENV": str(tmp_path / "gone")}, [tmp_path])

    assert (found.target, found.origin) == (sys.prefix, "perfctl's own environment")
    assert read_packages(found).packages["psutil"] == version("psutil")


@pytest.mark.parametrize("said", [{"venv": "."}, {"python": "no-such-python"}, {"python": "a/b"}])
def test_what_is_no_environment_is_wrong_usage(tmp_path: Path, said: dict[str, str]) -> None:
    """Rather than an empty package set."""
    if "venv" in said:
        said = {"venv": str(tmp_path)}
    with pytest.raises(UsageError, match=r"no Python environment|no interpreter"):
        find_environment({}, [], **said)


def test_a_program_that_is_no_interpreter_is_wrong_usage(tmp_path: Path) -> None:
    """Though packages lie beside it, as beside /usr/bin/ls; by the name that is given or linked to."""
    environments.make(tmp_path / "usr", shared="1")
    (tmp_path / "usr" / "pyvenv.cfg").unlink(missing_ok=True)
    folder = tmp_path / "usr" / "bin"
    folder.mkdir(exist_ok=True)
    for name in ("ls", "python3.11"):
        (folder / name).touch()
    (folder / "py").symlink_to("python3.11")

    with pytest.raises(UsageError, match="is no Python interpreter"):
        find_environment({}, [], python=str(folder / "ls"))
    for name in ("py", "python3.11"):
        assert find_environment({}, [], python=str(folder / name)).paths


def test_a_system_interpreter_brings_debians_folders(tmp_path: Path) -> None:
    """`/usr/bin/python3` is a link to the version whose packages are meant."""
    for folder in ("lib/python3/dist-packages", "local/lib/python3.11/dist-packages",
                   "lib/python3.9/site-packages", "bin"):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin" / "python3.11").touch()
    (tmp_path / "bin" / "python3").symlink_to("python3.11")

    found = find_environment({}, [], python=str(tmp_path / "bin" / "python3"))

    assert found.paths == (
        str(tmp_path / "local/lib/python3.11/dist-packages"),
        str(tmp_path / "lib/python3/dist-packages"),
    )


def test_an_environment_with_the_systems_packages_has_both(tmp_path: Path) -> None:
    """Its own go first, as on its path."""
    system = tmp_path / "lib/python3.11/site-packages"
    system.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    venv = environments.make(tmp_path / "venv", shared="2")
    environments.make(tmp_path, shared="1", only_there="1")
    (venv / "pyvenv.cfg").write_text(
        f"home = {tmp_path}/bin\ninclude-system-site-packages = true\nversion = 3.11.4\n"
    )

    found = read_packages(find_environment({}, [], venv=str(venv)))

    assert found.packages == {"shared": "2", "only-there": "1", "python": "3.11"}


def test_damaged_metadata_is_counted_and_passed_over(tmp_path: Path) -> None:
    """One bad package must not hide the others."""
    venv = environments.make(tmp_path / "venv", good="1.0", bad="1.0", worse="1.0", evil="1.0")
    site = venv / "lib" / "python3.11" / "site-packages"
    (site / "bad-1.0.dist-info" / "METADATA").unlink()
    (site / "worse-1.0.dist-info" / "METADATA").write_bytes(b"Name: \xff\xfe\nVersion: 1.0\n")
    (site / "evil-1.0.dist-info" / "METADATA").write_text("Name: evil\x1b[31m\nVersion: 1.0\n")

    found = read_packages(find_environment({}, [], venv=str(venv)))

    assert found.packages == {"good": "1.0", "python": "3.11"}
    assert found.unreadable == 3


def test_nothing_of_the_environment_is_run(tmp_path: Path) -> None:
    """Neither its interpreter nor a `.pth` file nor a module that shadows one of ours."""
    venv = environments.make(tmp_path / "venv", one="1")
    site = venv / "lib" / "python3.11" / "site-packages"
    trace = tmp_path / "ran"
    (site / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(trace)!r}).touch()\n")
    (site / "sitecustomize.py").write_text(f"open({str(trace)!r}, 'w')\n")
    python = venv / "bin" / "python"
    python.write_text(f"#!/bin/sh\ntouch {trace}\n")
    python.chmod(0o755)

    read_packages(find_environment({}, [], python=str(python)))

    assert not trace.exists()


def test_the_stamp_changes_with_every_change_of_a_package(tmp_path: Path) -> None:
    """Installed, replaced, removed; other files do not matter."""
    venv = environments.make(tmp_path / "venv", one="1")
    where = find_environment({}, [], venv=str(venv))
    stamps = [stamp(where)]
    (venv / "lib/python3.11/site-packages/one.py").touch()
    assert stamp(where) == stamps[0]

    environments.install(venv, two="1")
    stamps.append(stamp(where))
    environments.install(venv, one="2")
    stamps.append(stamp(where))

    assert len(set(stamps)) == 3
    assert stamp(Environment("x", "y", ("/nonexistent",))) not in stamps
