"""Every cell again, where vendors send numbers as text, days that do not exist, objects instead of texts, and no keys."""

from dataclasses import dataclass

import pytest

import cells
import lake as rules
import program
from oracle import Expected, Source
from proxy import Proxy
from spoil import SECRET, spoil


@dataclass
class Spoiled:
    """One source, exported and worked out through the same spoiling proxy."""

    source: Source
    expected: dict[str, Expected]
    path: object
    outcome: program.Outcome


@pytest.fixture(scope="module")
def small():
    """A smaller account: every page of it goes through Python twice. Without custom fields, since what is spoilt follows the bytes of a page, and the oracle asks without them."""
    with program.Sandbox("--rows", 300, "--seed", 2, "--custom-fields", 0) as running:
        yield running


@pytest.fixture(scope="module", params=program.SOURCES)
def spoiled(request, small, tmp_path_factory) -> Spoiled:
    name, sandbox = request.param, small
    folder = tmp_path_factory.mktemp(f"spoiled-{name}")
    with Proxy(sandbox.bases[name], change=spoil) as vendor:
        args = ["export", name, "--base-url", vendor.base, "--to", folder / "lake", "--max-rejected", "100%"]
        args += ["--config", program.unthrottled(folder)]
        # Experimental tables, too, which must be named.
        args += ["--tables", ",".join([f"{name}.*", *sorted(table for table in program.EXPERIMENTAL if table.startswith(f"{name}."))])]
        outcome = program.run(args, cwd=folder, env=sandbox.environment(), report=folder / "report.json")
        assert outcome.code == 0, outcome.err
        source = Source(program.REPOSITORY / "schemas", name, vendor.base, sandbox.env)
        return Spoiled(source, source.expected(), folder / "lake", outcome)


def test_every_cell_is_taken_or_told(spoiled):
    """What the rules of the design take is in the table, what they do not take is null there."""
    rules.assert_sound(spoiled.path)
    wrong = []
    for table, expected in spoiled.expected.items():
        try:
            cells.assert_cells(f"{spoiled.path}/{spoiled.source.id}/{table}/**/part-[1-9]*.parquet", spoiled.source, table, expected)
        except AssertionError as error:
            wrong.append(f"{table}: {error}")
    assert not wrong, "\n".join(wrong)


def test_every_reject_is_told(spoiled):
    """Each value and record not taken stands in `_rejected/` with table, key, column, raw text and reason, and is counted."""
    assert cells.assert_rejected(spoiled.path, spoiled.source.id, spoiled.source, spoiled.expected) > 100
    for table, expected in spoiled.expected.items():
        report = spoiled.outcome.table(f"{spoiled.source.id}.{table}")
        bad = sum(item.column is not None for item in expected.rejected)
        assert (report["bad_cells"], report["rejected_records"]) == (bad, len(expected.rejected) - bad), table
    assert "kept apart" in spoiled.outcome.err


def test_the_key_of_a_reject_finds_its_row(spoiled):
    """The key told with a value is that of a row whose cell is null, in a table whose key is its own."""
    found = 0
    for row in rules.rejected(spoiled.path, spoiled.source.id):
        decl = spoiled.source.tables[row["table"]]
        if row["column"] not in decl["columns"] or decl.get("primary_key") != ["id"]:
            continue
        rows = f"read_parquet('{spoiled.path}/{spoiled.source.id}/{row['table']}/**/part-[1-9]*.parquet', hive_partitioning=false)"
        column = '"{}"'.format(row["column"])
        assert rules.query(f"SELECT count(*) FROM {rows} WHERE id = ? AND {column} IS NULL", row["key"]) == [(1,)], row
        found += 1
        if found == 200:
            break
    assert found


def test_what_is_not_documented_is_not_told(spoiled):
    """Of an object in the place of a number, a date or a flag, the members are not told: vendors put secrets beside what is documented."""
    for row in rules.rejected(spoiled.path, spoiled.source.id):
        columns = spoiled.source.tables[row["table"]]["columns"]
        asked = columns.values() if row["column"] is None else [columns[row["column"]]] if row["column"] in columns else []
        if all(column["type"] != "text" for column in asked):
            assert SECRET not in row["raw"], row
