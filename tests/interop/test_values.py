"""Every cell of every table against the sandbox's own JSON, decoded by a program that shares nothing with ours (oracle.py, pagers.py)."""

import pytest

import cells
import program
from oracle import Expected, Source

TABLES = program.TABLES


@pytest.fixture(scope="module")
def account(sandbox):
    """A source as its declarations and its vendor's documents describe it, and what each of its tables must hold; read once."""
    read: dict[str, tuple[Source, dict[str, Expected]]] = {}

    def of(name: str):
        if name not in read:
            source = Source(program.REPOSITORY / "schemas", name, sandbox.bases[name], sandbox.env)
            read[name] = source, source.expected()
        return read[name]

    return of


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_is_what_the_api_means(lake, account, table):
    """Each row of the lake equals the row worked out from the JSON, cell by cell."""
    name, table = table.split(".")
    source, expected = account(name)
    cells.assert_cells(lake.glob(f"{name}.{table}"), source, table, expected[table])


@pytest.mark.parametrize("name", program.SOURCES)
def test_nothing_is_rejected(lake, account, name):
    """The sandbox sends nothing that cannot be read, and nothing is told to be."""
    source, expected = account(name)
    assert cells.assert_rejected(lake.path, name, source, expected) == 0
    assert all(table["bad_cells"] == table["rejected_records"] == 0 for table in lake.outcome.report["tables"])
