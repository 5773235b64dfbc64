"""Runs that cannot start: exit code 2, the thing named, a hint, nothing asked of the vendor and nothing in the lake."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import lake as rules
import program
import unhappy


def assert_not_started(outcome: program.Outcome, sandbox, words, hint: str = "hint:") -> None:
    assert outcome.code == 2, f"exit code {outcome.code}\n{outcome.err}"
    assert hint in outcome.err and outcome.out == "", outcome.err
    for word in words:
        assert word in outcome.err, f"{word!r} is not told: {outcome.err}"
    rules.assert_secret(sandbox.tokens, None, outcome.out, outcome.err)


@pytest.fixture
def asked(sandbox):
    """How many requests came since the test began."""
    before = sandbox.tell("requests")["ploomes"]["requests"]
    return lambda: sandbox.tell("requests")["ploomes"]["requests"] - before


@pytest.mark.parametrize("token", [None, "", "two\nlines"])
def test_no_usable_token(sandbox, tmp_path, asked, token):
    """The variable that is not set, or holds no token, is named."""
    env = sandbox.environment()
    del env["PLOOMES_USER_KEY"]
    if token is not None:
        env["PLOOMES_USER_KEY"] = token
    assert_not_started(unhappy.export(tmp_path, sandbox, env=env), sandbox, ["ploomes", "PLOOMES_USER_KEY"])
    assert asked() == 0 and not rules.manifests(tmp_path / "lake")


@pytest.mark.parametrize("glob, near", [("ploomes.dealz", "deals"), ("contact", "contacts"), ("deals,tsks", "tasks")])
def test_unknown_table(sandbox, tmp_path, asked, glob, near):
    """The name nearest to what was typed is offered; the tables beside it are not exported as if nothing were."""
    outcome = unhappy.export(tmp_path, sandbox, tables=glob)
    assert_not_started(outcome, sandbox, [glob.rsplit(",")[-1], f"`{near}`"])
    assert asked() == 0 and not rules.manifests(tmp_path / "lake")


def test_unknown_flag(sandbox, tmp_path):
    """clap names the flag and the one that was probably meant; it words its hints `tip:`."""
    outcome = program.run(["export", "ploomes", "--tabels", "deals"], cwd=tmp_path, env=sandbox.environment())
    assert_not_started(outcome, sandbox, ["--tabels", "--tables"], hint="tip:")


def test_unknown_connection(sandbox, tmp_path):
    """The sources that there are are told."""
    outcome = program.run(["export", "plomes"], cwd=tmp_path, env=sandbox.environment())
    assert_not_started(outcome, sandbox, ["`plomes`", "ploomes"])


def test_a_mistake_in_the_configuration(sandbox, tmp_path):
    """File and line are told, and never the line's text, which may hold a token pasted by mistake."""
    token = sandbox.env["PLOOMES_USER_KEY"]
    (tmp_path / "afluente.toml").write_text(f'[connections.acme]\nsource = "ploomes"\ntoken = "{token}"\n')
    outcome = program.run(["export", "acme"], cwd=tmp_path, env=sandbox.environment())
    assert_not_started(outcome, sandbox, ["afluente.toml:3"])


def test_plain_http_to_another_machine(sandbox, tmp_path):
    """A token is not sent in the clear."""
    outcome = unhappy.export(tmp_path, sandbox, "--base-url", "http://api.example")
    assert_not_started(outcome, sandbox, ["api.example", "https"])


def test_a_report_that_has_nowhere_to_go(sandbox, tmp_path, asked):
    """Told before an hour's work, not after it."""
    report = tmp_path / "no" / "such" / "folder.json"
    outcome = program.run(unhappy.arguments(tmp_path, "--report", report), cwd=tmp_path, env=sandbox.environment())
    assert_not_started(outcome, sandbox, [str(report)])
    assert asked() == 0 and not rules.manifests(tmp_path / "lake")


def test_a_file_where_the_lake_should_be(sandbox, tmp_path, asked):
    """The path is told, and that a file is in the way; the file is not touched."""
    (tmp_path / "lake").write_text("mine")
    assert_not_started(unhappy.export(tmp_path, sandbox), sandbox, [str(tmp_path / "lake")])
    assert asked() == 0 and (tmp_path / "lake").read_text() == "mine"


def test_a_read_only_lake(sandbox, tmp_path, asked, mount):
    """A file system mounted for reading only."""
    mount(tmp_path / "lake", "ro,size=1m")
    assert_not_started(unhappy.export(tmp_path, sandbox), sandbox, [str(tmp_path / "lake"), "read-only"])
    assert asked() == 0


def test_a_lake_of_somebody_else(sandbox, asked):
    """A folder that the user who runs afluente may not write."""
    # Below /tmp, since pytest's own folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="afluente-interop-"))
    try:
        folder.chmod(0o755)
        (folder / "lake").mkdir()
        options = {}
        if os.geteuid() == 0:
            # Nothing is closed to root: the run is somebody else's, and so is its home.
            shutil.copy2(program.binary(), folder / "afluente")
            (folder / "home").mkdir()
            shutil.chown(folder / "home", 65534, 65534)
            options = {"user": 65534, "group": 65534, "extra_groups": [], "program": folder / "afluente"}
        else:
            (folder / "lake").chmod(0o555)
        args = ["export", "ploomes", "--tables", "roles", "--to", folder / "lake"]
        outcome = program.run(args, cwd=folder, env=sandbox.environment(HOME=str(folder / "home")), **options)
        assert_not_started(outcome, sandbox, [str(folder / "lake"), "ermission"])
        assert asked() == 0 and not list((folder / "lake").iterdir())
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)
