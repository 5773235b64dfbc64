"""What a refresh costs: nothing where nothing changed, and little where little did."""

import pytest

import lake as rules
import program
import refreshing
from refreshing import sized

# AFLUENTE_ROWS=1000000 is what the figures in the documents are of.
ROWS = sized("AFLUENTE_ROWS", 100_000)
# Partitioned by month, read by the time of the last change.
TABLE = "ploomes.interaction_records"
FILES = 100


def test_nothing_changed(sandbox, declared, tmp_path, capsys):
    """The second run writes no data file and no manifest. A table that is read by its cursor costs what one look at it costs, and no more than one request beside."""
    config = refreshing.configured(tmp_path)
    first = refreshing.export(tmp_path, sandbox, config)
    lake = tmp_path / "lake"
    files, versions = refreshing.written(lake), refreshing.versions(lake)
    stamps = {file: file.stat().st_mtime_ns for file in [*files, *versions]}
    second = refreshing.export(tmp_path, sandbox, config)
    assert refreshing.written(lake) == files and refreshing.versions(lake) == versions
    assert {file: file.stat().st_mtime_ns for file in stamps} == stamps
    assert set(second.statuses().values()) == {"unchanged"}
    asked = {name: (first.table(name)["requests"], second.table(name)["requests"]) for name in second.statuses() if first.table(name)["requests"]}
    partial = {name for name in asked if declared[name]["replication"] != "full"}
    with capsys.disabled():
        print(f"\n  {'table':36} {'mode':12} first second requests")
        for name, (of_first, of_second) in sorted(asked.items()):
            print(f"  {name:36} {declared[name]['replication']:12} {of_first:5} {of_second:6}")
        both = [sum(requests[place] for requests in asked.values()) for place in (0, 1)]
        those = [sum(asked[name][place] for name in partial) for place in (0, 1)]
        print(f"  {len(asked)} tables: {both[0]} requests, then {both[1]}; the {len(partial)} that have a cursor: {those[0]}, then {those[1]}")
    # What lies within the lookback or the window is one page here; where only an empty page is the end, that is a second one. Some tables the vendor lists state by
    # state: so many looks are one look at the table.
    looks = {name: len(refreshing.declaration(name).get("slices", {}).get("values", [name])) for name in partial}
    beyond = {name: requests for name, requests in asked.items() if name in partial and requests[1] > 2 * looks[name]}
    assert beyond == {}, "requests of the first and of the second run"
    assert all(of_second <= of_first for of_first, of_second in asked.values())


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A table of 100 files: one for each month, and one for each of the refreshes that found a new row."""
    folder = tmp_path_factory.mktemp("large")
    config = refreshing.configured(folder, sources=["ploomes"])
    with program.Sandbox("--table-rows", f"{TABLE}={ROWS}") as sandbox:
        first = refreshing.export(folder, sandbox, config, "--tables", TABLE)
        while len(refreshing.written(folder / "lake")) < FILES:
            sandbox.post("change", table=TABLE, what="insert")
            refreshing.export(folder, sandbox, config, "--tables", TABLE)
        yield folder, sandbox, first


@pytest.mark.parametrize("what", ["update", "insert", "delete"])
def test_one_row_changed(large, what, capsys):
    """Of a table of 100 files the one that held the row is written anew, and one for the row as it is now. Only a look at all keys finds a row that is gone."""
    folder, sandbox, first = large
    lake = folder / "lake"
    before, manifest = refreshing.written(lake), rules.manifests(lake)[TABLE]
    assert len(before) >= FILES
    # Not the only row of its file.
    entries = sorted(manifest["entries"], key=lambda entry: entry["meta"]["record_count"])
    median = manifest | {"entries": [next(entry for entry in entries[FILES // 2 :] if entry["meta"]["record_count"] > 1)]}
    ((identity,),) = rules.query(f"SELECT id FROM {refreshing.live(lake, TABLE, median)} ORDER BY hash(id) LIMIT 1")
    sandbox.post("change", table=TABLE, what=what, **({} if what == "insert" else {"id": identity}))
    config = refreshing.configured(folder, sources=["ploomes"], **({"reconcile": "0s"} if what == "delete" else {}))
    # The keys of a million rows are held against the lake's: beyond an eighth of the memory whole rows would be read, and all written.
    second = refreshing.export(folder, sandbox, config, "--tables", TABLE, "--memory", "1GiB")
    told = second.table(TABLE)
    after = refreshing.written(lake)
    rewritten = sum(size for file, size in after.items() if file not in before)
    worth = sum(before.values()) / len(before)
    with capsys.disabled():
        print(
            f"\n  one {what} in {manifest['rows']:,} rows in {len(before)} files of {sum(before.values()):,} bytes (first load {first.seconds:.1f} s, "
            f"{first.table(TABLE)['requests']:,} requests): {told['requests']} requests, {second.seconds:.2f} s, {rewritten:,} bytes in "
            f"{len(after.keys() - before)} new files, {rewritten / worth:.2f} files' worth"
        )
    assert second.statuses() == {TABLE: "committed"} and told["rows_changed"] == 1
    assert told["rows"] == manifest["rows"] + {"update": 0, "insert": 1, "delete": -1}[what]
    assert 0 < rewritten <= 3 * worth
    assert len(before.keys() - after) == (what != "insert"), "one file holds the row"
    assert what == "delete" or told["requests"] <= 3
    rules.assert_sound(lake)
    assert rules.query(f"SELECT count(*), count(DISTINCT id) FROM {refreshing.live(lake, TABLE, rules.manifests(lake)[TABLE])}") == [(told["rows"],) * 2]
