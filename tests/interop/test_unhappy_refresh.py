"""What a user meets between refreshes: loads that were stopped, lakes that were moved or damaged, disks that are full, tables to be read in another way."""

import shutil
import signal

import pytest

import lake as rules
import program
import refreshing
import unhappy

CALLS = "exactsales.callshistory"
SOME = ("exactsales.tasks", "exactsales.leads", CALLS, "exactsales.leadssold", "ploomes.deals", "ploomes.orders", "nectarcrm.contatos", "sensedata.customers")
TABLES = ("--tables", ",".join(SOME))


@pytest.fixture
def account():
    """A small account that nobody else changes."""
    with program.Sandbox("--rows", 300, "--seed", 31) as running:
        yield running


@pytest.fixture
def refreshed(account, tmp_path):
    """A lake after a load and a refresh: its configuration."""
    config = refreshing.configured(tmp_path, reconcile="0s")
    for seed in (1, 2):
        refreshing.export(tmp_path, account, config, *TABLES)
        account.post("churn", seed=seed, changes=60, tables=",".join(SOME))
    refreshing.export(tmp_path, account, config, *TABLES)
    return config


def assert_as_fresh(folder, account, config, lake=None, tables=TABLES) -> None:
    """Every table is as in a new lake, by its manifest and by plain glob; nothing is left lying."""
    lake = lake or folder / "lake"
    other = refreshing.fresh(folder, account, config, *tables)
    for folder_only in (False, True):
        differing = refreshing.differences(lake, other, folder_only)
        assert not differing, f"rows of the lake only and of the account only: {differing}"
    refreshing.assert_clean(folder, lake)


def manifest_files(lake, table: str) -> list:
    return sorted((rules.folder(lake, table) / "_manifest").glob("*.json"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_first_load_that_is_stopped_goes_on(tmp_path, number, capsys):
    """At 80 % of a first load the run is ended: what was committed is read by nobody again, from another folder neither."""
    table, rows, page = "ploomes.tasks", 60_000, 300
    config = refreshing.configured(tmp_path, sources=["ploomes"], checkpoint="100ms")
    lake = tmp_path / "lake"
    with program.Sandbox("--table-rows", f"{table}={rows}", "--delay-ms", 5) as sandbox:
        running = program.start(refreshing.arguments(config, lake, "--tables", table), cwd=tmp_path, env=sandbox.environment(), report=tmp_path / "report.json")
        unhappy.eventually(lambda: rules.manifests(lake).get(table, {"rows": 0})["rows"] >= 0.8 * rows, "80 % are committed")
        running.signal(number)
        stopped = running.wait(60)
        held = rules.manifests(lake)[table]
        assert held["resume"] and held["rows"] < rows, "the load was over before it was stopped"
        assert stopped.code == (1 if number == signal.SIGINT else -number), stopped.err
        if number == signal.SIGINT:
            assert "abandoned" in stopped.err and stopped.statuses() == {table: "failed"}, stopped.err
        verified, _ = refreshing.verb("verify", tmp_path, lake)
        assert verified.code == 0, verified.out

        # Nothing that resuming needs lies outside the lake.
        elsewhere = tmp_path / "elsewhere"
        shutil.move(lake, elsewhere)
        sandbox.post("churn", seed=1, changes=50, tables=table)
        outcome = refreshing.export(tmp_path, sandbox, config, "--tables", table, to=elsewhere)
        asked, left = outcome.table(table)["requests"], (rows - held["rows"]) // page
        with capsys.disabled():
            print(f"\n  {number.name}: {held['rows']:,} of {rows:,} rows were committed in {held['version']} versions; {asked} requests for the {left} pages that were left")
        assert rules.manifests(elsewhere)[table].get("resume") is None
        # Beside them: the end of the list, and what changed since the load began.
        assert asked <= left + 6
        # Rows that were read before they were deleted are found by a look at all keys.
        refreshing.export(tmp_path, sandbox, refreshing.configured(tmp_path, sources=["ploomes"], reconcile="0s"), "--tables", table, to=elsewhere)
        assert_as_fresh(tmp_path, sandbox, config, elsewhere, ("--tables", table))


def test_a_backfill_reads_what_no_refresh_would(account, refreshed, tmp_path):
    """A call of long ago that was changed: a refresh does not ask for it, a backfill does, and the savepoint stays."""
    config = refreshing.configured(tmp_path)
    lake = tmp_path / "lake"
    before = rules.manifests(lake)[CALLS]
    ((identity, day),) = rules.query(
        f"SELECT CAST(id AS BIGINT), strftime(startdate, '%Y-%m-%d') FROM {refreshing.live(lake, CALLS, before)} WHERE startdate < TIMESTAMPTZ '2025-06-01' ORDER BY hash(id) LIMIT 1"
    )
    account.post("change", table=CALLS, what="update", id=identity)
    assert refreshing.export(tmp_path, account, config, *TABLES).table(CALLS)["status"] == "unchanged"
    fresh = refreshing.fresh(tmp_path, account, config, *TABLES)
    assert refreshing.differences(lake, fresh) == {CALLS: (1, 1)}
    files = set(refreshing.written(lake))
    ((from_, until),) = rules.query("SELECT CAST(?::DATE - 1 AS VARCHAR), CAST(?::DATE + 2 AS VARCHAR)", day, day)
    outcome = refreshing.export(tmp_path, account, config, "--tables", CALLS, "--from", from_, "--until", until)
    assert outcome.table(CALLS)["rows_changed"] == 1
    after = rules.manifests(lake)[CALLS]
    assert after["savepoint"] == before["savepoint"] and after["version"] == before["version"] + 1
    assert len(files - set(refreshing.written(lake))) == 1, "one file held the row"
    assert_as_fresh(tmp_path, account, config)
    # Without a cursor there is nothing to bound.
    refused = program.run(refreshing.arguments(config, lake, "--tables", "ploomes.cities", "--from", from_), cwd=tmp_path, env=account.environment())
    assert refused.code == 2 and "hint:" in refused.err, refused.err


def test_a_full_refresh_reads_everything_again(account, refreshed, tmp_path):
    """What was changed or deleted where no savepoint leads is right again."""
    config = refreshing.configured(tmp_path)
    lake = tmp_path / "lake"
    for table in (CALLS, "ploomes.deals"):
        identities = rules.query(f"SELECT CAST(id AS BIGINT) FROM {refreshing.live(lake, table, rules.manifests(lake)[table])} ORDER BY hash(id) LIMIT 3")
        for (identity,) in identities:
            account.post("change", table=table, what="delete", id=identity)
    refreshing.export(tmp_path, account, config, *TABLES)
    differing = refreshing.differences(lake, refreshing.fresh(tmp_path, account, config, *TABLES))
    assert {table: counts for table, counts in differing.items() if "deals" not in table} == {CALLS: (3, 0)} and differing["ploomes.deals"] == (3, 0)
    outcome = refreshing.export(tmp_path, account, config, *TABLES, "--full-refresh")
    assert {table["mode"] for table in outcome.report["tables"]} == {"full"}
    assert_as_fresh(tmp_path, account, config)


def test_a_copied_lake_goes_on_elsewhere(account, refreshed, tmp_path):
    """The lake was copied and the first one is gone: refreshes, checks and readers go by the paths relative to each table."""
    there = tmp_path / "mnt" / "the copy"
    shutil.copytree(tmp_path / "lake", there)
    shutil.rmtree(tmp_path / "lake")
    account.post("churn", seed=9, changes=80, tables=",".join(SOME))
    outcome = refreshing.export(tmp_path, account, refreshed, *TABLES, to=there)
    assert "committed" in outcome.statuses().values() and outcome.table(CALLS)["requests"] < 10
    urls = {entry["url"].rsplit("/exactsales/", 1)[0] for entry in rules.manifests(there)["exactsales.tasks"]["entries"]}
    assert len(urls) == 2, "files of before and of after the copy"
    assert_as_fresh(tmp_path, account, refreshed, there)
    views = (there / "_views" / "duckdb.sql").read_text()
    assert f"'{there}/" in views and f"'{tmp_path}/lake/" not in views


@pytest.mark.parametrize("damage", [b"", b'{"format_version": 1, "source": "exa', b"\x00\xff\xfe"], ids=["empty", "cut", "binary"])
def test_a_corrupt_manifest(account, refreshed, tmp_path, damage):
    """Its table fails and names it, the others go on; once it is deleted, and everything read again, the lake is whole."""
    lake = tmp_path / "lake"
    newest = manifest_files(lake, CALLS)[-1]
    newest.write_bytes(damage)
    account.post("churn", seed=9, changes=80, tables=",".join(SOME))
    outcome = refreshing.export(tmp_path, account, refreshed, *TABLES, expected=1)
    failed = {name for name, status in outcome.statuses().items() if status == "failed"}
    assert failed == {CALLS}, outcome.err
    error = outcome.table(CALLS)["error"]
    assert str(newest) in error["message"] and "corrupt" in error["message"] and "delete it" in error["hint"], error
    assert newest.read_bytes() == damage, "nothing is overwritten"
    verified = program.run(["verify", "--to", lake], cwd=tmp_path, env=program.environment())
    assert verified.code != 0 and newest.name in verified.err + verified.out, verified.err
    newest.unlink()
    refreshing.export(tmp_path, account, refreshed, *TABLES, "--full-refresh")
    assert_as_fresh(tmp_path, account, refreshed)


def test_a_data_file_that_is_gone(account, refreshed, tmp_path):
    """`verify` names it and what to do; a refresh does not take the table for whole if it needs the file; reading everything again heals it."""
    lake = tmp_path / "lake"
    gone = []
    for table in ("exactsales.tasks", "ploomes.deals", "nectarcrm.contatos__enderecos"):
        entries = rules.manifests(lake)[table]["entries"]
        gone.append(rules.folder(lake, table) / max(entries, key=lambda entry: entry["meta"]["record_count"])["path"])
        gone[-1].unlink()
    verified, found = refreshing.verb("verify", tmp_path, lake)
    assert verified.code == 1
    faults = {finding["file"]: finding for finding in found["findings"] if finding["level"] == "fault"}
    for file in gone:
        finding = faults.pop(str(file.relative_to(lake)))
        assert "is not there" in finding["what"] and "--full-refresh" in finding["advice"], finding
    assert all("nectarcrm/contatos" in file for file in faults), faults
    account.post("churn", seed=9, changes=120, tables=",".join(SOME))
    outcome = program.run(refreshing.arguments(refreshed, lake, *TABLES), cwd=tmp_path, env=account.environment(), report=tmp_path / "report.json")
    assert outcome.code == 1, outcome.err
    for table in outcome.report["tables"]:
        if table["status"] == "failed" and "exploded_from" not in table:
            said = f"{table['error']['message']} {table['error'].get('hint')}"
            assert any(str(file.relative_to(lake)) in said for file in gone) and "--full-refresh" in said, said
    assert outcome.table("exactsales.tasks")["status"] == outcome.table("nectarcrm.contatos")["status"] == "failed", outcome.statuses()
    assert outcome.table(CALLS)["status"] != "failed"
    refreshing.export(tmp_path, account, refreshed, *TABLES, "--full-refresh")
    assert_as_fresh(tmp_path, account, refreshed)


def test_a_disk_that_fills_up_in_a_refresh(tmp_path, mount):
    """The tables that do not fit are as they were, the next run completes them where there is room."""
    lake = mount(tmp_path / "lake", "size=8m")
    tables = ("--tables", "ploomes.deals,ploomes.tasks,ploomes.currencies")
    config = refreshing.configured(tmp_path, sources=["ploomes"], reconcile="0s")
    with program.Sandbox("--table-rows", "ploomes.deals=20000", "--table-rows", "ploomes.tasks=20000") as sandbox:
        refreshing.export(tmp_path, sandbox, config, *tables)
        sandbox.post("churn", seed=1, changes=2_000, tables="ploomes.deals,ploomes.tasks")
        free = shutil.disk_usage(lake).free
        (lake / "something else").write_bytes(b"\0" * (free - 100_000))
        before = rules.manifests(lake)
        outcome = refreshing.export(tmp_path, sandbox, config, *tables, expected=1)
        failed = {name for name, status in outcome.statuses().items() if status == "failed"}
        assert failed == {"ploomes.deals", "ploomes.tasks"}, outcome.err
        for name in failed:
            said = f"{outcome.table(name)['error']['message']} {outcome.table(name)['error'].get('hint')}"
            assert "space" in said and str(lake) in said, said
            assert rules.manifests(lake)[name] == before[name]
        (lake / "something else").unlink()
        refreshing.export(tmp_path, sandbox, config, *tables)
        assert_as_fresh(tmp_path, sandbox, config, tables=tables)


def test_a_mode_that_the_configuration_changes(account, refreshed, tmp_path):
    """Incremental tables read whole and back again, windows of another length, and a mode that the vendor's API has no way for."""
    lake = tmp_path / "lake"
    changed = '[connections.ploomes.tables.deals]\nmode = "full"\n[connections.exactsales.tables.tasks]\nmode = "full"\n'
    changed += '[connections.exactsales.tables.leadssold]\nlookback = "400d"\n[connections.exactsales.tables.callshistory]\nlookback = "40d"\n'
    for tables, modes in ((changed, {"ploomes.deals": "full", "exactsales.tasks": "full"}), ("", {"ploomes.deals": "incremental", "exactsales.tasks": "windowed"})):
        config = refreshing.configured(tmp_path, reconcile="0s", tables=tables)
        account.post("churn", seed=len(tables), changes=80, tables=",".join(SOME))
        outcome = refreshing.export(tmp_path, account, config, *TABLES)
        # A table whose savepoint is gone is read whole once.
        told = {name: outcome.table(name)["mode"] for name in modes}
        assert told == modes or not tables and set(told.values()) <= {"full", *modes.values()}, told
        assert {name: rules.manifests(lake)[name]["mode"] for name in modes} == modes
        assert_as_fresh(tmp_path, account, config)
    config = refreshing.configured(tmp_path, tables='[connections.ploomes.tables.cities]\nmode = "incremental"\n')
    refused = program.run(refreshing.arguments(config, lake, "--tables", "ploomes.cities"), cwd=tmp_path, env=account.environment())
    assert refused.code == 2 and "tables.cities.mode" in refused.err and "hint:" in refused.err, refused.err
