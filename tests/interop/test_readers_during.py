"""Readers that run while exports do: with a retention they see one version after the other, without one the worst is a file that is gone."""

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import duckdb
import pytest

import lake as rules
import program
import reading
import refreshing
from refreshing import sized

REFRESHES = sized("AFLUENTE_REFRESHES", 50)
# Read by window and by cursor, with partitions and without, alone and with what is exploded from them.
PARENTS = ("exactsales.tasks", "exactsales.qualifications", "nectarcrm.contatos", "sensedata.customers", "ploomes.deals")


@pytest.fixture(scope="module")
def families(lake) -> list[dict]:
    """For each parent its key, and its children with the columns that hold that key."""
    found = []
    for parent in PARENTS:
        key = refreshing.declaration(parent)["primary_key"]
        children = {}
        for table in lake.tables:
            if table.startswith(f"{parent}__"):
                columns = {column.get("parent"): name for name, column in refreshing.declaration(table)["columns"].items()}
                children[table] = [columns[name] for name in key]
        found.append({"parent": parent, "key": key, "children": children})
    assert sum(len(family["children"]) for family in found) >= 6, found
    return found


@contextmanager
def readers(lake, folder, families):
    """Two readers of either kind, at work until the end; then what each saw is in the dictionary."""
    stop, seen = folder / "stop", {}
    running = {}
    for how in ("views", "manifests"):
        out = (folder / f"{how}.jsonl").open("w")
        command = [sys.executable, reading.__file__, how, lake, stop, json.dumps(families)]
        running[how] = subprocess.Popen(list(map(str, command)), stdout=out, stderr=subprocess.PIPE, text=True)
    try:
        yield seen
    finally:
        stop.touch()
        errors = {how: process.communicate(timeout=120)[1] for how, process in running.items()}
    assert not any(process.returncode for process in running.values()), errors
    for how in running:
        seen[how] = [json.loads(line) for line in (folder / f"{how}.jsonl").read_text().splitlines()]


def history(lake, families) -> dict[str, dict[str, int]]:
    """What each parent was, with its children, in each of its versions, as the files of each still are; by what a reader tells of it."""
    known: dict[str, dict[str, int]] = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def measured(table: str, version: int) -> list:
            manifest = json.loads((rules.folder(lake, table) / "_manifest" / f"{version:020}.json").read_text())
            return reading.measured(connection, refreshing.live(lake, table, manifest))

        for family in families:
            parent = family["parent"]
            known[parent] = {}
            for file in sorted(rules.folder(lake, parent).glob("_manifest/*.json")):
                manifest = json.loads(file.read_text())
                seen = {"": measured(parent, manifest["version"])}
                seen |= {child: measured(child, manifest["children"][child.split(".")[1]]) for child in family["children"]}
                known[parent][json.dumps(seen)] = manifest["version"]
    return known


def refresh(folder, sandbox, config, number: int, tables: str) -> None:
    """A refresh of an account that moved before and moves meanwhile."""
    sandbox.post("churn", seed=number, changes=30, tables=",".join(PARENTS))
    with refreshing.moving(sandbox, number, PARENTS):
        refreshing.export(folder, sandbox, config, "--tables", tables)


def told(seen: dict[str, list[dict]]) -> str:
    figures = {
        how: f"{len(reads)} reads, {sum('error' in read for read in reads)} met a missing file, "
        + f"{len({json.dumps(read['seen']) for read in reads if 'seen' in read})} different contents"
        for how, reads in seen.items()
    }
    return f"\n  {REFRESHES} refreshes: {figures}"


def test_with_a_retention_every_read_is_one_version(families, tmp_path, capsys):
    """No read fails, and each is, to the last value, a version of the parent with the versions of its children that this one names."""
    config = refreshing.configured(tmp_path, retention="1h", reconcile="0s")
    lake, tables = tmp_path / "lake", ",".join(PARENTS)
    with program.Sandbox("--rows", 300, "--seed", 11) as sandbox:
        refresh(tmp_path, sandbox, config, 0, tables)
        with readers(lake, tmp_path, families) as seen:
            for number in range(1, REFRESHES + 1):
                refresh(tmp_path, sandbox, config, number, tables)
    known = history(lake, families)
    with capsys.disabled():
        print(told(seen), {parent: f"{len(versions)} versions" for parent, versions in known.items()})
    for how, reads in seen.items():
        assert [read for read in reads if "error" in read] == [], how
        assert len(reads) >= REFRESHES, how
        met = Counter()
        for read in reads:
            assert read["doubled"] == read["orphans"] == 0, (how, read)
            assert read["seen"][""][0] > 0, (how, read)
            version = known[read["parent"]].get(json.dumps(read["seen"]))
            assert version, f"{how}: torn: {read}"
            met[read["parent"], version] += 1
        assert len(met) > 2 * len(PARENTS), "the readers saw the tables stand still"


def test_without_one_the_worst_is_a_missing_file(families, tmp_path, capsys):
    """A read fails and names a file that is gone, or it is right; and after each run a plain glob sees every row once."""
    config = refreshing.configured(tmp_path, reconcile="0s")
    lake, tables = tmp_path / "lake", ",".join(PARENTS)
    with program.Sandbox("--rows", 300, "--seed", 12) as sandbox:
        refresh(tmp_path, sandbox, config, 0, tables)
        with readers(lake, tmp_path, families) as seen:
            for number in range(1, REFRESHES + 1):
                refresh(tmp_path, sandbox, config, number, tables)
                for family in families:
                    parent = family["parent"]
                    manifest = rules.manifests(lake)[parent]
                    glob = f"read_parquet('{rules.folder(lake, parent)}/**/part-[1-9]*.parquet')"
                    key = ", ".join(f'"{name}"' for name in family["key"])
                    assert rules.query(f"SELECT count(*), count(DISTINCT ({key})) FROM {glob}") == [(manifest["rows"],) * 2], parent
                    for child in family["children"]:
                        assert rules.rows(lake, child) == rules.manifests(lake)[child]["rows"], child
    with capsys.disabled():
        print(told(seen))
    counts = {
        family["parent"]: {json.loads(file.read_text())["rows"] for file in rules.folder(lake, family["parent"]).glob("_manifest/*.json")}
        for family in families
    }
    for how, reads in seen.items():
        assert len(reads) >= REFRESHES, how
        for read in reads:
            if "error" in read:
                assert ".parquet" in read["error"] and any(words in read["error"] for words in ("No such file", "No files found")), (how, read)
                continue
            assert read["doubled"] == read["orphans"] == 0, (how, read)
            assert read["seen"][""][0] in counts[read["parent"]], (how, read)
        assert any("seen" in read for read in reads), f"{how}: every read failed"
