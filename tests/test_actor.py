"""Who is kept in the history of alerts and errors."""

from __future__ import annotations

import pytest

from perfctl.actor import actor
from perfctl.errors import UsageError
from tests.other_users import NO_ACCOUNT, open_place


@pytest.mark.parametrize(
    ("said", "environ", "name"),
    [
        ("ana", {"LOGNAME": "root"}, "ana"),
        (" ana ", {}, "ana"),
        (None, {"SUDO_USER": "ben", "LOGNAME": "root", "USER": "root"}, "ben"),
        (None, {"LOGNAME": "deploy", "USER": "other"}, "deploy"),
        (None, {"LOGNAME": " ", "USER": "other"}, "other"),
        (None, {"LOGNAME": "x" * 300}, "x" * 100),
        (None, {"LOGNAME": "de\x1b[2Jploy\udcff"}, r"de\x1b[2Jploy\udcff"),
        ("de\nploy", {}, r"de\x0aploy"),
    ],
)
def test_who_acts(said: str | None, environ: dict[str, str], name: str) -> None:
    """What was said, else the login name; nothing in it can steer a terminal or break the store."""
    assert actor(said, environ) == name


@pytest.mark.parametrize("said", ["", "  ", "x" * 101])
def test_a_name_that_names_nobody_is_refused(said: str) -> None:
    """An empty `--as` is a mistake of a script, not a wish to be nobody."""
    with pytest.raises(UsageError):
        actor(said, {"LOGNAME": "deploy"})


@pytest.mark.parametrize(("uid", "name"), [(0, "root"), (NO_ACCOUNT, f"uid {NO_ACCOUNT}")])
def test_without_an_environment_the_process_tells(uid: int, name: str) -> None:
    """As in `docker exec`, where a user may be a number without a name."""
    code = "import json; from perfctl.actor import actor; print(json.dumps(actor(None, {})))"
    with open_place() as elsewhere:
        assert elsewhere.run(code, uid=uid, gid=uid).said == name
