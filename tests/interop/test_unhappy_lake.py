"""Runs that end in the middle, meet a full disk, or meet each other: no table is half visible, and the next run heals what is left."""

import signal
import subprocess
import threading
import time

import pytest

import lake as rules
import program
import unhappy
from proxy import Proxy, held
from unhappy import OTHERS, VICTIM

NECTAR = [table["id"] for table in program.CATALOG["nectarcrm"]]


@pytest.fixture
def stuck(sandbox, tmp_path):
    """An export whose victim waits for its second page for ever, the others being committed."""
    release = threading.Event()
    with Proxy(sandbox.bases["ploomes"]) as proxy:
        proxy.on("/Deals", lambda nth: held(release) if nth >= 2 else None)
        args = unhappy.arguments(tmp_path, "--base-url", proxy.base)
        running = program.start(args, cwd=tmp_path, env=sandbox.environment(), report=tmp_path / "report.json")
        try:
            proxy.wait_for("/Deals", 2)
            done = {f"ploomes.{table}" for table in OTHERS}
            unhappy.eventually(lambda: set(rules.manifests(tmp_path / "lake")) == done, "the other tables are committed")
            yield running
        finally:
            release.set()
            running.process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_soon(sandbox, stuck, tmp_path, number):
    """The table under way is abandoned and told, what was committed stays, and the report is written."""
    stuck.signal(number)
    outcome = stuck.wait(30)
    assert outcome.code == 1 and outcome.seconds < 5, outcome.err
    expected = {f"ploomes.{VICTIM}": "failed"} | {f"ploomes.{table}": "committed" for table in OTHERS}
    assert outcome.statuses() == expected
    assert "abandoned" in outcome.err and f"ploomes.{VICTIM}: stopped" in outcome.err
    assert set(rules.manifests(tmp_path / "lake")) == {f"ploomes.{table}" for table in OTHERS}
    unhappy.assert_committed(tmp_path / "lake", sandbox, OTHERS)
    rules.assert_secret(sandbox.tokens, tmp_path, outcome.out, outcome.err)


def test_kill_in_the_middle_of_reading(sandbox, stuck, tmp_path):
    """After kill -9 nothing of the table is visible, and the next run completes it."""
    stuck.signal(signal.SIGKILL)
    assert stuck.wait(30).code == -signal.SIGKILL
    # Nothing was published: no data file is there that a manifest does not name.
    assert set(rules.manifests(tmp_path / "lake")) == {f"ploomes.{table}" for table in OTHERS}
    assert rules.files(tmp_path / "lake", f"ploomes.{VICTIM}") == []
    assert unhappy.export(tmp_path, sandbox).code == 0
    unhappy.assert_committed(tmp_path / "lake", sandbox, (VICTIM, *OTHERS), killed=True)


def test_kill_at_any_moment(sandbox, tmp_path):
    """Killed again and again while it publishes and commits, parents and exploded tables alike: manifests always tell the truth,
    and one undisturbed run leaves every row once for a reader that looks at the folders alone."""
    lake = tmp_path / "lake"
    left_out = ("oportunidades_propostas", "tarefas", "compromissos")
    args = ["export", "nectarcrm", "--full-refresh", "--exclude", ",".join(left_out), "--to", lake, "--config", program.unthrottled(tmp_path)]
    kills = 0
    for moment in range(1, 16):
        before = written(lake)
        running = program.start(args, cwd=tmp_path, env=sandbox.environment())
        unhappy.eventually(lambda: running.process.poll() is not None or len(written(lake) - before) >= 2 * moment, "files appear")
        running.process.kill()
        kills += running.wait(30).code == -signal.SIGKILL
        for table, manifest in rules.manifests(lake).items():
            for entry in manifest["entries"]:
                file = rules.folder(lake, table) / entry["path"]
                assert file.stat().st_size == entry["meta"]["content_length"], file
    assert kills >= 5, "the runs ended before they could be killed"
    outcome = program.run(args, cwd=tmp_path, env=sandbox.environment(), report=tmp_path / "report.json")
    assert outcome.code == 0, outcome.err
    exported = [table for table in NECTAR if not table.startswith(left_out)]
    unhappy.assert_committed(lake, sandbox, exported, "nectarcrm", killed=True)


def written(lake) -> set:
    """Data files and manifests, by path."""
    return {*lake.rglob("*.parquet"), *lake.rglob("_manifest/*.json")}


def test_a_second_run_replaces_the_first(sandbox, tmp_path):
    """Version 2 of every table; a plain glob still sees each row once; the first run's files are gone."""
    assert unhappy.export(tmp_path, sandbox).code == 0
    old = {file for table in (VICTIM, *OTHERS) for file in rules.files(tmp_path / "lake", f"ploomes.{table}")}
    outcome = unhappy.export(tmp_path, sandbox, "--full-refresh")
    assert outcome.code == 0, outcome.err
    unhappy.assert_committed(tmp_path / "lake", sandbox, (VICTIM, *OTHERS))
    assert {table["version"] for table in outcome.report["tables"]} == {2}
    assert old and not any(file.exists() for file in old)


def test_full_disk(tmp_path, mount):
    """A table that does not fit fails with the lake's address; the small ones are committed; with more space the next run completes."""
    lake = mount(tmp_path / "lake", "size=2m")
    with program.Sandbox("--table-rows", f"ploomes.{VICTIM}=120000") as sandbox:
        outcome = unhappy.export(tmp_path, sandbox)
        unhappy.assert_only_the_victim_failed(outcome, tmp_path, sandbox, [str(lake), "space"])
        remounted = subprocess.run(["mount", "-o", "remount,size=64m", lake], capture_output=True, text=True)
        assert remounted.returncode == 0, remounted.stderr
        outcome = unhappy.export(tmp_path, sandbox)
        assert outcome.code == 0, outcome.err
        unhappy.assert_committed(lake, sandbox, (VICTIM, *OTHERS))


def test_the_lake_takes_no_run_report(sandbox, tmp_path):
    """Tables that are committed are told as such, with the summary, although the report of the run finds no place in the lake."""
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "_runs").touch()
    outcome = program.run(unhappy.arguments(tmp_path), cwd=tmp_path, env=sandbox.environment())
    assert "4 tables committed" in outcome.err and "_runs" in outcome.err and "hint:" in outcome.err, outcome.err
    # 0 would hide it, 2 says that nothing was started.
    assert outcome.code == 1, outcome.err
    (tmp_path / "lake" / "_runs").unlink()
    unhappy.assert_committed(tmp_path / "lake", sandbox, (VICTIM, *OTHERS))


def test_nothing_hangs_on_a_silent_vendor(sandbox, tmp_path):
    """A vendor that takes the connection and says nothing is given up after the declared timeout."""
    release = threading.Event()
    with Proxy(sandbox.bases["ploomes"]) as proxy:
        proxy.on("/Deals", lambda nth: held(release))
        schemas = unhappy.impatient(tmp_path, attempts=3)
        source = schemas / "ploomes" / "source.toml"
        lines = [line for line in source.read_text("utf-8").splitlines() if not line.startswith("timeout ")]
        source.write_text("\n".join(['timeout = "1s"', *lines]) + "\n", "utf-8")
        began = time.monotonic()
        outcome = unhappy.export(tmp_path, sandbox, "--base-url", proxy.base)
        release.set()
    unhappy.assert_only_the_victim_failed(outcome, tmp_path, sandbox, ["1 s"])
    assert 3 <= time.monotonic() - began < 30
