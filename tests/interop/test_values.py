"""Every cell of every table against the sandbox's own JSON, decoded by a program that shares nothing with ours (oracle.py, pagers.py)."""

import json
from collections import Counter

import pytest

import lake as rules
import program
from oracle import MISSING, Source, find, text
from pagers import Number, Object

SHOWN = 5


@pytest.fixture(scope="module")
def oracles(sandbox) -> dict[str, Source]:
    """The four sources as their declarations and their vendors' documents describe them."""
    schemas = program.REPOSITORY / "schemas"
    tokens = {source: sandbox.env[declared_token(source)] for source in program.SOURCES}
    return {source: Source(schemas, source, sandbox.bases[source], tokens[source]) for source in program.SOURCES}


def declared_token(source: str) -> str:
    import tomllib

    return tomllib.loads((program.REPOSITORY / "schemas" / source / "source.toml").read_text("utf-8"))["token_env"]


@pytest.fixture(scope="module")
def expected(oracles):
    """What each table must hold; an account is read once."""
    read = {}

    def of(source):
        if source not in read:
            read[source] = oracles[source].expected()
        return read[source]

    return of


def cells(lake, table: str, columns: dict) -> list[tuple]:
    """The rows in the lake, moments as microseconds and dates as days since 1970."""
    forms = {"timestamp": 'epoch_us("{}")', "date": "datediff('day', DATE '1970-01-01', \"{}\")"}
    chosen = ", ".join(forms.get(column["type"], '"{}"').format(name) for name, column in columns.items())
    return rules.query(f"SELECT {chosen} FROM read_parquet('{lake.glob(table)}', hive_partitioning=false)")


def order(row: tuple) -> tuple:
    """Rows in one order, nulls first."""
    return tuple((cell is not None, cell if cell is not None else 0) for cell in row)


def difference(found: list[tuple], wanted: list[tuple], columns: list[str], key: list[str]) -> list[str]:
    """The first rows and cells in which two tables differ, in words."""
    if key:
        at = [columns.index(name) for name in key]
        lake, api = ({tuple(row[place] for place in at): row for row in rows} for rows in (found, wanted))
        told = [f"{name} {key} is {side}" for side, one, other in (("only in the API", api, lake), ("only in the lake", lake, api)) for name in one.keys() - other.keys()]
        for name in sorted(lake.keys() & api.keys(), key=order):
            told += [
                f"{dict(zip(key, name))} {column}: the lake has {here!r}, the API means {there!r}"
                for column, here, there in zip(columns, lake[name], api[name])
                if not same(here, there)
            ]
        return told
    lake, api = Counter(found), Counter(wanted)
    return [f"only in the API: {dict(zip(columns, row))}" for row in api - lake] + [f"only in the lake: {dict(zip(columns, row))}" for row in lake - api]


def same(here, there) -> bool:
    return type(here) is type(there) and here == there


@pytest.mark.parametrize("table", [f"{source}.{table['id']}" for source, tables in program.CATALOG.items() for table in tables])
def test_every_cell_is_what_the_api_means(lake, oracles, expected, table):
    """Each row of the lake equals the row worked out from the JSON, cell by cell."""
    source, name = table.split(".")
    decl = oracles[source].tables[name]
    columns = list(decl["columns"])
    found, wanted = cells(lake, table, decl["columns"]), expected(source)[name].rows
    assert wanted, "the API gave no record: nothing would be compared"
    told = difference(found, wanted, columns, decl.get("primary_key", []))
    assert not told, f"{len(told)} differences, the first of them:\n" + "\n".join(told[:SHOWN])
    assert len(found) == len(wanted)


def raw(value) -> str:
    """A rejected value as `_rejected/` words it: characters of a text, else JSON as written."""
    return value if isinstance(value, str) and not isinstance(value, Number) else text(value)


@pytest.mark.parametrize("source", program.SOURCES)
def test_what_was_rejected_is_told(lake, oracles, expected, source):
    """`_rejected/` holds each value and each record that could not be taken, and no other."""
    found = rules.rejected(lake.path, source)
    for row in found:
        assert {"table", "key", "column", "raw", "reason"} <= set(row) and row["reason"]
    wanted = [item for table in expected(source).values() for item in table.rejected]
    told = Counter((row["table"], row["column"], row["raw"] if row["column"] else record_of(row["raw"])) for row in found)
    meant = Counter((item.table, item.column, raw(item.value) if item.column else documented(oracles[source], item)) for item in wanted)
    assert not (meant - told), f"not told: {list((meant - told).items())[:SHOWN]}"
    assert not (told - meant), f"told without reason: {list((told - meant).items())[:SHOWN]}"
    for table, rejects in expected(source).items():
        report = lake.outcome.table(f"{source}.{table}")
        cells = sum(item.column is not None for item in rejects.rejected)
        assert (report["bad_cells"], report["rejected_records"]) == (cells, len(rejects.rejected) - cells), table


def record_of(raw: str) -> frozenset:
    """The columns named by a rejected record's raw text."""
    return frozenset((name, json.dumps(value)) for name, value in json.loads(raw).items())


def documented(source: Source, item) -> frozenset:
    """The documented columns of a record, which are all that may be kept of it."""
    found = {name: find(column, item.value) for name, column in source.tables[item.table]["columns"].items()}
    return frozenset((name, as_json(value)) for name, value in found.items() if value is not MISSING)


def as_json(value) -> str:
    if isinstance(value, (Object, list, Number)):
        return json.dumps(json.loads(text(value) if not isinstance(value, list) else "null"))
    return json.dumps(value)


def test_the_key_of_a_reject_finds_its_row(lake, declared):
    """The key told with a rejected value is that of a row in the table whose cell is null."""
    for source in program.SOURCES:
        for row in rules.rejected(lake.path, source)[:200]:
            key = declared[f"{source}.{row['table']}"]["primary_key"]
            if row["column"] is None or not key:
                continue
            glob = lake.glob(f"{source}.{row['table']}")
            where = " || ',' || ".join(f'"{name}"::VARCHAR' for name in key)
            # A whole number in a float column is told with or without its `.0`.
            ((nulls,),) = rules.query(
                f"""SELECT count(*) FROM read_parquet('{glob}', hive_partitioning=false)
                WHERE regexp_replace({where}, '\\.0(,|$)', '\\1', 'g') = $1 AND "{row['column']}" IS NULL""",
                row["key"].replace(".0", ""),
            )
            assert nulls == 1, row
