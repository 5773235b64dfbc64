"""From no row to three million: counts are right at every size, and memory does not follow the size."""

import pyarrow.parquet as pq
import pytest

import lake as rules
import program

TABLE = "ploomes.tasks"
# The vendor's longest page.
PAGE = 300
BUDGET = 256 << 20
SMALL, LARGE = 100_000, 3_000_000


def export(folder, rows: int, table: str = TABLE) -> tuple[program.Outcome, int, int]:
    """One table of so many rows, exported alone: outcome, peak memory, bytes in the lake."""
    folder.mkdir()
    with program.Sandbox("--table-rows", f"{table}={rows}") as sandbox:
        assert sandbox.tell("row_counts")[table] == rows
        outcome, peak = program.run_measured(
            ["export", table.split(".")[0], "--tables", table, "--to", folder / "lake", "--config", program.unthrottled(folder)],
            cwd=folder,
            env=sandbox.environment(),
            report=folder / "report.json",
        )
    assert outcome.code == 0, outcome.err
    assert outcome.statuses() == {table: "committed"}
    manifest = rules.assert_sound(folder / "lake")[table]
    assert manifest["rows"] == outcome.table(table)["rows"] == rules.rows(folder / "lake", table) == rows
    return outcome, peak, manifest["bytes"]


def told(table: str, rows: int, outcome: program.Outcome, peak: int, size: int) -> str:
    figures = f"peak {peak / 2**20:6.1f} MiB, {outcome.seconds:5.1f} s, {rows / outcome.seconds:8,.0f} rows/s, {size / 2**20:5.1f} MiB of Parquet"
    return f"  {table} {rows:>9,} rows: {figures}"


@pytest.mark.parametrize("rows", [0, 1, PAGE, PAGE + 1])
def test_edges_of_a_page(tmp_path, rows):
    """None, one, exactly one page, one more: every row once, and an empty table still has its columns."""
    outcome, _, _ = export(tmp_path / "run", rows)
    source = f"read_parquet('{tmp_path}/run/lake/ploomes/tasks/**/part-[1-9]*.parquet')"
    found = rules.query(f"SELECT count(*), count(DISTINCT id) FROM {source}")
    assert found == [(rows, rows)]
    columns = [row[0] for row in rules.query(f"DESCRIBE SELECT * FROM {source}")]
    documented = next(table for table in program.CATALOG["ploomes"] if table["id"] == "tasks")
    assert columns == [column["name"] for column in documented["columns"]] + ["_exported_at"]
    assert outcome.table(TABLE)["requests"] <= 5


def test_memory_does_not_follow_the_rows(tmp_path, capsys):
    """The peak of a 3,000,000-row export is within 15 % of that of a 100,000-row one, and both are below the budget."""
    figures = {rows: export(tmp_path / str(rows), rows) for rows in (SMALL, LARGE)}
    with capsys.disabled():
        print()
        for rows, (outcome, peak, size) in figures.items():
            print(told(TABLE, rows, outcome, peak, size))
    small, large = figures[SMALL][1], figures[LARGE][1]
    source = f"read_parquet('{tmp_path}/{LARGE}/lake/ploomes/tasks/**/part-[1-9]*.parquet')"
    assert rules.query(f"SELECT count(DISTINCT id) FROM {source}") == [(LARGE,)]
    groups = [
        metadata.row_group(group).num_rows
        for file in rules.files(tmp_path / str(LARGE) / "lake", TABLE)
        for metadata in [pq.read_metadata(file)]
        for group in range(metadata.num_row_groups)
    ]
    assert max(groups) <= 262_144, "row groups are longer than the design's"
    assert small < BUDGET and large < BUDGET, f"{small:,} and {large:,} bytes"
    assert abs(large - small) <= 0.15 * small, f"{large:,} bytes for {LARGE:,} rows, {small:,} for {SMALL:,}"


def test_a_long_table_of_numbered_pages(tmp_path, capsys):
    """A vendor whose pages may repeat rows, so that keys have to be remembered, is read to its end within the budget too."""
    table, rows = "sensedata.tasks", 1_200_000
    outcome, peak, size = export(tmp_path / "run", rows, table)
    with capsys.disabled():
        print(f"\n{told(table, rows, outcome, peak, size)}")
    assert peak < BUDGET, f"{peak:,} bytes"
