"""Which store and which configuration a command takes, and from where."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfctl import settings
from perfctl.config import DEFAULTS
from perfctl.errors import ConfigError, UsageError
from perfctl.settings import Located, Origin, find_store, host_name, load_config
from perfctl.thresholds import Limits
from tests.other_users import Elsewhere, open_place

NOBODY = pwd.getpwnam("nobody")
FIND = """
from perfctl.settings import find_store
located = find_store(None, os.environ, Path(sys.argv[1]))
print(json.dumps([str(located.path), located.origin]))
"""


@pytest.fixture(autouse=True)
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An /etc/perfctl.toml that is not there yet."""
    path = tmp_path / "etc" / "perfctl.toml"
    path.parent.mkdir()
    monkeypatch.setattr(settings, "SYSTEM_FILE", path)
    return path


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """A place that other users can reach."""
    with open_place() as place:
        yield place


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder to stand in, two levels below the temporary one."""
    folder = tmp_path / "project" / "app"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, text: str) -> Path:
    """A file with this text, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_option_goes_before_all(project: Path) -> None:
    """A relative one is relative to where one stands."""
    write(project / ".perfctl" / "perfctl.db", "")
    located = find_store("../x.db", {"PERFCTL_DB": "/env.db"}, project)
    assert located == Located(project.parent / "x.db", "--db")


def test_the_environment_goes_before_the_folders(project: Path) -> None:
    """Relative to where the process started; an empty one is none."""
    write(project / ".perfctl" / "perfctl.db", "")
    located = find_store(None, {"PERFCTL_DB": "data/x.db"}, project)
    assert located == Located(project / "data" / "x.db", "PERFCTL_DB")
    assert find_store(None, {"PERFCTL_DB": ""}, project).origin == str(project / ".perfctl")


@pytest.mark.parametrize("made", ["perfctl.db", "perfctl.db.spool/x"])
def test_a_folder_with_a_store_or_a_spool_is_found_upwards(project: Path, made: str) -> None:
    """Also where only a hook was there yet."""
    folder = project.parent / ".perfctl"
    write(folder / made, "")
    assert find_store(None, {}, project) == Located(folder / "perfctl.db", str(folder))


def test_a_folder_without_either_is_passed_over(project: Path) -> None:
    """It says nothing about where the store is."""
    (project / ".perfctl").mkdir()
    write(project.parent / ".perfctl" / "perfctl.db", "")
    assert find_store(None, {}, project).path == project.parent / ".perfctl" / "perfctl.db"


def test_a_file_names_the_store_relative_to_itself(project: Path) -> None:
    """perfctl.toml, or [tool.perfctl] of a pyproject.toml."""
    file = write(project.parent / "pyproject.toml", '[tool.perfctl]\ndb = "var/p.db"')
    assert find_store(None, {}, project) == Located(
        project.parent / "var" / "p.db", str(file), file
    )
    file = write(project / "perfctl.toml", 'db = "../../q.db"')
    assert find_store(None, {}, project) == Located(project.parent.parent / "q.db", str(file), file)


def test_the_nearer_folder_decides_and_in_it_the_store_before_the_files(project: Path) -> None:
    """In the order .perfctl/, perfctl.toml, pyproject.toml."""
    write(project.parent / ".perfctl" / "perfctl.db", "")
    write(project / "pyproject.toml", '[tool.perfctl]\ndb = "three.db"')
    assert find_store(None, {}, project).path == project / "three.db"
    write(project / "perfctl.toml", 'db = "two.db"')
    assert find_store(None, {}, project).path == project / "two.db"
    write(project / ".perfctl" / "perfctl.db", "")
    assert find_store(None, {}, project).path == project / ".perfctl" / "perfctl.db"


def test_a_file_without_a_place_is_passed_over(project: Path, etc: Path) -> None:
    """Its thresholds hold, but the store is elsewhere."""
    write(project / "perfctl.toml", 'group = "web"')
    write(etc, 'db = "/var/lib/perfctl/perfctl.db"')
    assert find_store(None, {}, project) == Located(
        Path("/var/lib/perfctl/perfctl.db"), str(etc), etc
    )


def test_at_last_it_is_the_users_own(project: Path) -> None:
    """$XDG_STATE_HOME if absolute, else in the home folder, which cron may not tell."""
    home = pwd.getpwuid(os.geteuid()).pw_dir
    paths = [
        str(find_store(None, environ, project).path)
        for environ in (
            {"XDG_STATE_HOME": "/state", "HOME": "/home/u"},
            {"XDG_STATE_HOME": "state", "HOME": "/home/u"},
            {"HOME": "/home/u"},
            {"HOME": ""},
            {},
        )
    ]
    assert paths == [
        "/state/perfctl/perfctl.db",
        "/home/u/.local/state/perfctl/perfctl.db",
        "/home/u/.local/state/perfctl/perfctl.db",
        f"{home}/.local/state/perfctl/perfctl.db",
        f"{home}/.local/state/perfctl/perfctl.db",
    ]


def test_a_user_without_a_home_is_asked_for_a_place(elsewhere: Elsewhere) -> None:
    """A container's number without an account: exit code 2, not a folder at the root."""
    code = f"os.environ.pop('HOME')\n{FIND}"
    answer = elsewhere.run(code, "/", uid=54_321, gid=54_321)
    assert answer.exit_code == 2
    assert "--db" in answer.said["hint"]


def test_the_closed_folder_of_another_user_is_found(elsewhere: Elsewhere) -> None:
    """What is in it cannot be seen; to answer from another store would be wrong."""
    folder = elsewhere.make("app", 0, 0)
    write(folder / ".perfctl" / "perfctl.db", "")
    (folder / ".perfctl").chmod(0o700)
    answer = elsewhere.run(FIND, folder, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    assert answer == (0, [f"{folder}/.perfctl/perfctl.db", f"{folder}/.perfctl"])


def test_home_may_be_written_as_a_tilde(project: Path) -> None:
    """No shell expands it in a file."""
    write(project / "perfctl.toml", 'db = "~/p.db"')
    assert find_store(None, {"HOME": "/home/u"}, project).path == Path("/home/u/p.db")


@pytest.mark.parametrize(
    ("db", "problem"),
    [
        ("", "--db names no file"),
        (" ", "--db names no file"),
        ("a\0b", "--db names no file"),
        ("postgresql://user:secret@host/p", "a store on a server is not supported yet"),
    ],
)
def test_what_is_no_path_is_refused(project: Path, db: str, problem: str) -> None:
    """Exit code 2, and the password of an address is not repeated."""
    with pytest.raises(UsageError, match=problem) as caught:
        find_store(db, {}, project)
    assert "secret" not in caught.value.message


def test_without_files_the_defaults_hold(project: Path) -> None:
    """And say so."""
    loaded = load_config(None, {}, project)
    assert (loaded.config, loaded.files, loaded.warnings) == (DEFAULTS, (), ())
    assert loaded.explain()["thresholds.cpu.target"] == Origin(0.6, "default")


def test_each_value_knows_its_file(project: Path, etc: Path) -> None:
    """The nearest file goes over the system's, value by value."""
    write(etc, 'group = "ops"\nthresholds.cpu = {target = 0.5, threshold = 0.95}')
    near = write(project.parent / "perfctl.toml", "thresholds.cpu.target = 0.9")
    loaded = load_config(None, {}, project)
    assert loaded.files == (etc, near)
    assert loaded.config.thresholds.cpu == Limits(0.9, 0.95)
    told = loaded.explain()
    assert told["thresholds.cpu.target"] == Origin(0.9, str(near))
    assert told["thresholds.cpu.threshold"] == Origin(0.95, str(etc))
    assert told["group"] == Origin("ops", str(etc))
    assert told["retention.requests"] == Origin("30d", "default")


def test_an_explicit_file_stands_alone(project: Path, etc: Path) -> None:
    """Neither the system's nor the nearest is read besides; it may be a pyproject.toml."""
    write(etc, "nonsense = 1")
    write(project / "perfctl.toml", "nonsense = 1")
    write(project / "other.toml", 'group = "web"')
    assert load_config("other.toml", {}, project).config.group == "web"
    other = write(project / "x" / "pyproject.toml", '[tool.perfctl]\ngroup = "mail"')
    assert load_config(other, {}, project).config.group == "mail"


def test_an_explicit_file_must_be_there(project: Path) -> None:
    """Exit code 2 with its path."""
    with pytest.raises(ConfigError, match=f"there is no configuration {project}/gone.toml"):
        load_config("gone.toml", {}, project)


def test_a_named_store_brings_the_configuration_of_its_folder(
    project: Path, tmp_path: Path
) -> None:
    """Cron stands anywhere; the store's own thresholds hold, else those of where one stands."""
    write(tmp_path / "elsewhere" / "perfctl.toml", 'group = "mail"')
    write(project / "perfctl.toml", 'group = "web"')
    for db, group in (
        (tmp_path / "elsewhere" / ".perfctl" / "p.db", "mail"),
        (tmp_path / "nowhere" / "p.db", "web"),
    ):
        store = find_store(str(db), {}, project)
        assert load_config(None, {}, project, store=store).config.group == group


def test_other_pyproject_files_are_not_read_closely(project: Path) -> None:
    """One that only depends on perfctl is no configuration, even where it is not valid TOML."""
    write(project / "pyproject.toml", 'dependencies = ["perfctl",\n[tool.black]\n= broken')
    above = write(project.parent / "pyproject.toml", '[ "tool" . "perfctl" ]\ngroup = "web"')
    assert load_config(None, {}, project).files == (above,)


@pytest.mark.parametrize(
    "text",
    [
        '[tool.perfctl]\ngroup = "web"',
        '[tool]\nperfctl.group = "web"',
        '[tool]\nperfctl = {group = "web"}',
        'tool = {perfctl = {group = "web"}}',
        'tool.perfctl.group = "web"',
        '  [ tool . perfctl ]\ngroup = "web"',
        '[x]\n\n["tool"."perfctl"]\ngroup = "web"',
        '[[tool.perfctl.alerts]]\nmetric = "cpu"\n[tool.perfctl]\ngroup = "web"',
    ],
)
def test_the_table_is_found_however_it_is_written(project: Path, text: str) -> None:
    """All that TOML allows."""
    write(project / "pyproject.toml", text)
    assert load_config(None, {}, project).config.group == "web"


def test_a_file_that_everyone_can_write_is_refused(project: Path) -> None:
    """Exit code 2 with the line that closes it; another tool's pyproject.toml is not our matter."""
    file = write(project / "perfctl.toml", 'group = "web"')
    file.chmod(0o666)
    for act in (find_store, load_config):
        with pytest.raises(ConfigError) as caught:
            act(None, {}, project)
        assert caught.value.exit_code == 2
        assert caught.value.hint == f"chmod o-w {file}"
    file.unlink()
    write(project / "pyproject.toml", "[tool.black]").chmod(0o666)
    assert load_config(None, {}, project).files == ()


def test_of_another_users_file_only_data_is_taken(project: Path) -> None:
    """Thresholds yes, commands no; with a warning."""
    file = write(
        project / "perfctl.toml", 'thresholds.cpu.target = 0.5\nnotify.command = ["/bin/id"]'
    )
    assert load_config(None, {}, project).config.notify == {"command": ["/bin/id"]}
    os.chown(file, NOBODY.pw_uid, NOBODY.pw_gid)
    loaded = load_config(None, {}, project)
    assert loaded.config.thresholds.cpu.target == 0.5
    assert loaded.config.notify == {}
    assert loaded.warnings == (
        f"{file} belongs to another user ({NOBODY.pw_uid}), so it may not set notify",
    )


def test_root_takes_all_from_a_file_of_the_stores_owner(project: Path) -> None:
    """It becomes that user before it runs anything."""
    file = write(project / "perfctl.toml", 'notify.command = ["/bin/id"]')
    store = write(project / ".perfctl" / "perfctl.db", "")
    for path in (file, store):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    located = find_store(None, {}, project)
    loaded = load_config(None, {}, project, store=located)
    assert (loaded.config.notify, loaded.warnings) == ({"command": ["/bin/id"]}, ())


def test_another_users_file_may_say_where_the_store_is(project: Path) -> None:
    """A place is data; as whom perfctl works there is decided by the store's owner."""
    file = write(project / "perfctl.toml", 'db = "p.db"')
    os.chown(file, NOBODY.pw_uid, NOBODY.pw_gid)
    assert find_store(None, {}, project).path == project / "p.db"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff", "it is not UTF-8"),
        (b"db = ", "is not valid TOML"),
        (b"db = 7", "db: must be a text"),
        (b"#" * (1 << 20 | 1), "is too large for a configuration"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(project: Path, content: bytes, problem: str) -> None:
    """Named, with exit code 2; another store is not taken instead."""
    (project / "perfctl.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        find_store(None, {}, project)


def test_what_is_no_file_is_refused(project: Path) -> None:
    """A folder, or a pipe, on which a command would wait for ever."""
    os.mkfifo(project / "perfctl.toml")
    with pytest.raises(ConfigError, match=r"perfctl\.toml is not a file"):
        find_store(None, {}, project)
    (project / "perfctl.toml").unlink()
    (project / "perfctl.toml").mkdir()
    with pytest.raises(ConfigError, match=r"perfctl\.toml is not a file"):
        find_store(None, {}, project)


def test_a_file_that_may_not_be_read_is_said_so(elsewhere: Elsewhere) -> None:
    """Exit code 4; a pyproject.toml of others is passed over."""
    folder = elsewhere.make("app", 0, 0)
    write(folder / "pyproject.toml", "").chmod(0o600)
    ids = {"uid": NOBODY.pw_uid, "gid": NOBODY.pw_gid}
    assert elsewhere.run(FIND, folder, **ids).exit_code == 0
    write(folder / "perfctl.toml", "").chmod(0o600)
    answer = elsewhere.run(FIND, folder, **ids)
    assert answer.exit_code == 4
    assert answer.said["error"] == f"{folder}/perfctl.toml cannot be read: Permission denied"


def test_errors_name_the_file(project: Path) -> None:
    """Of several, the one that is wrong."""
    file = write(project / "perfctl.toml", "thresholds.cpu.target = 60")
    with pytest.raises(ConfigError) as caught:
        load_config(None, {}, project)
    assert caught.value.message.startswith(f"{file}: thresholds.cpu.target: ")


def test_the_host_is_the_machine_unless_it_is_named() -> None:
    """PERFCTL_HOST goes before the machine's own name."""
    assert host_name({"PERFCTL_HOST": "front"})[0] == "front"
    assert host_name({"PERFCTL_HOST": "3f2a9c01de45"}) == ("local", "3f2a9c01de45")
    machine = os.uname().nodename
    assert machine in host_name({})


def test_standing_in_a_folder_that_is_gone_is_no_fault(project: Path, tmp_path: Path) -> None:
    """The working folder of a process may be removed under it."""
    write(tmp_path / "perfctl.toml", 'db = "p.db"')
    project.rmdir()
    assert find_store(None, {}, project).path == tmp_path / "p.db"
