"""What files declare: read, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfctl.deps.declared import read_files
from perfctl.deps.inventory import Inventory, pinned
from perfctl.errors import UsageError

HAVE = Inventory("venv", "named", (pinned("jinja2", "3.1.2"), pinned("werkzeug", "1.0")))


def declared(path: Path, text: str, have: Inventory | None = None) -> list[tuple[object, ...]]:
    """(name, version, problem, place) of what a file declares."""
    path.write_text(text)
    found = read_files([path], have)
    return [(p.name, p.installed, p.problem, p.place) for p in found.packages]


def test_requirements(tmp_path: Path) -> None:
    """Pins, whatever their markers, extras, hashes and comments; what is no pin says so."""
    text = (
        "# web stack\n--index-url https://user:pw@example.invalid/simple\n"
        "Django==4.2.0   # LTS\nrequests[socks] == 2.28.0 ; python_version >= '3.8'\n"
        "urllib3==1.26.5 \\\n    --hash=sha256:" + "a" * 64 + "\r\n"
        "six>=1\npywin32==306 ; sys_platform == 'win32'\n-e ./local\n"
        "foo @ https://example.invalid/foo-1.0.tar.gz\n"
    )
    path = tmp_path / "requirements.txt"
    assert declared(path, text) == [
        ("django", "4.2.0", None, "requirements.txt:3"),
        ("foo", None, "a URL or a file", "requirements.txt:10"),
        ("local", None, "editable", "requirements.txt:9"),
        ("pywin32", "306", None, "requirements.txt:8"),
        ("requests", "2.28.0", None, "requirements.txt:4"),
        ("six", None, "not pinned", "requirements.txt:7"),
        ("urllib3", "1.26.5", None, "requirements.txt:5"),
    ]
    assert read_files([path]).remarks == ("requirements.txt:2: --index-url is not followed",)


def test_a_range_is_what_the_environment_has_of_it(tmp_path: Path) -> None:
    """And a problem where it has another."""
    assert declared(tmp_path / "r.txt", "jinja2>=3\nwerkzeug>=2\n", HAVE) == [
        ("jinja2", "3.1.2", None, "r.txt:1"),
        ("werkzeug", None, "not pinned, and 1.0 is installed, which it excludes", "r.txt:2"),
    ]


def test_files_beside_it_are_followed_once(tmp_path: Path) -> None:
    """Also those that name one another; constraints too."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.txt").write_text("sqlparse==0.4.4\n-r ../r.txt\n")
    (tmp_path / "c.txt").write_text("idna==3.0\n")
    assert declared(tmp_path / "r.txt", "-r sub/more.txt\n-c c.txt\nsix==1.16.0\n") == [
        ("idna", "3.0", None, "c.txt:1"),
        ("six", "1.16.0", None, "r.txt:3"),
        ("sqlparse", "0.4.4", None, "more.txt:1"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "-r ../outside.txt",
        "-r /etc/hostname",
        "-r https://example.invalid/r.txt",
        "-r ${HOME}/r.txt",
        "six==${SIX}",
        "a; rm -rf /",
        "./wheels/x.whl",
        "-r missing.txt",
    ],
)
def test_a_line_that_leads_elsewhere_is_refused(
    tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line that names the file and its line; variables stay where they are."""
    monkeypatch.setenv("SIX", "c4n4ry")
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("six==1\n")
    with pytest.raises(UsageError) as raised:
        declared(folder / "r.txt", f"idna==3\n{line}\n")
    assert "\n" not in raised.value.message
    assert "c4n4ry" not in raised.value.message


def test_pyproject(tmp_path: Path) -> None:
    """Dependencies, extras and groups; a group that includes another adds nothing to it."""
    text = """
[project]
name = "site"
dependencies = ["Django==4.2.0", "jinja2>=3"]
optional-dependencies = { s3 = ["boto3==1.0"] }
[dependency-groups]
test = ["pytest==7.0", { include-group = "lint" }]
lint = ["ruff==0.1"]
"""
    assert declared(tmp_path / "pyproject.toml", text, HAVE) == [
        ("boto3", "1.0", None, "pyproject.toml [s3]"),
        ("django", "4.2.0", None, "pyproject.toml [dependencies]"),
        ("jinja2", "3.1.2", None, "pyproject.toml [dependencies]"),
        ("pytest", "7.0", None, "pyproject.toml [test]"),
        ("ruff", "0.1", None, "pyproject.toml [lint]"),
    ]


LOCKS = {
    "uv.lock": """
version = 1
[[package]]
name = "site"
version = "0"
source = { editable = "." }
[[package]]
name = "jinja2"
version = "3.1.2"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "odd"
version = "1"
source = { git = "https://example.invalid/odd" }
""",
    "poetry.lock": """
[[package]]
name = "jinja2"
version = "3.1.2"
[[package]]
name = "odd"
version = "1"
[package.source]
type = "git"
""",
    "pylock.toml": """
lock-version = "1.0"
[[packages]]
name = "jinja2"
version = "3.1.2"
[[packages]]
name = "odd"
version = "1"
vcs = { type = "git" }
""",
}


@pytest.mark.parametrize("name", LOCKS)
def test_locks(tmp_path: Path, name: str) -> None:
    """Each package that an index has; the project itself is none of them."""
    assert declared(tmp_path / name, LOCKS[name]) == [
        ("jinja2", "3.1.2", None, name),
        ("odd", "1", "not from an index", name),
    ]


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "uv.lock"])
@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"= ="])
def test_what_cannot_be_read_is_wrong_usage(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    """A file that is not there, no text, or no such file."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=name):
        read_files([path])
