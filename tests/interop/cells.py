"""Compares a lake with the oracle's rows, and tells the first differences so that a person can look them up."""

import json
from collections import Counter

import lake as rules
from oracle import MISSING, Expected, Rejected, Source, find, text
from pagers import Object, compact

SHOWN = 5
# Longest text of a reject, in bytes.
LONGEST = 4096


def read(glob: str, columns: dict) -> list[tuple]:
    """A table's rows as DuckDB has them."""
    return rules.query(f"SELECT {chosen(columns)} FROM read_parquet('{glob}', hive_partitioning=false)")


def chosen(columns: dict) -> str:
    """Columns as DuckDB is asked for them: moments as microseconds and dates as days since 1970."""
    forms = {"timestamp": 'epoch_us("{}")', "date": "datediff('day', DATE '1970-01-01', \"{}\")"}
    return ", ".join(forms.get(column["type"], '"{}"').format(name) for name, column in columns.items())


def differences(found: list[tuple], wanted: list[tuple], columns: list[str], key: list[str]) -> list[str]:
    """Each row and cell in which two tables differ, in words."""
    exact = [Counter(map(marked, rows)) for rows in (found, wanted)]
    lake, api = (list((one - other).elements()) for one, other in (exact, exact[::-1]))
    at = [columns.index(name) for name in key]
    named = {tuple(row[place] for place in at): row for row in lake} if key else {}
    told = []
    for row in api:
        twin = named.pop(tuple(row[place] for place in at), None)
        if twin is None:
            told.append(f"only in the API: {dict(zip(columns, map(value, row)))}")
            continue
        name = {name: value(row[place]) for name, place in zip(key, at)}
        told += [
            f"{name} {column}: the lake has {value(here)!r}, the API means {value(there)!r}"
            for column, here, there in zip(columns, twin, row)
            if here != there
        ]
        lake.remove(twin)
    return told + [f"only in the lake: {dict(zip(columns, map(value, row)))}" for row in lake]


def marked(row: tuple) -> tuple:
    """A row in which 1, 1.0 and true are different, and so are 0.0 and -0.0."""
    return tuple((type(cell).__name__, repr(cell) if isinstance(cell, float) else cell) for cell in row)


def value(cell: tuple):
    return float(cell[1]) if cell[0] == "float" else cell[1]


def assert_cells(glob: str, source: Source, table: str, expected: Expected) -> None:
    """Each row of the table equals the row worked out from the JSON, cell by cell."""
    decl = source.tables[table]
    assert expected.rows, "the API gave no record: nothing would be compared"
    told = differences(read(glob, decl["columns"]), expected.rows, list(decl["columns"]), decl.get("primary_key", []))
    assert not told, f"{len(told)} differences, the first of them:\n" + "\n".join(told[:SHOWN])


def assert_rejected(lake, connection: str, source: Source, expected: dict[str, Expected]) -> int:
    """`_rejected/` holds each value and each record that could not be taken, and no other. Returns how many."""
    found = rules.rejected(lake, connection)
    for row in found:
        assert list(row)[:5] == ["table", "key", "column", "raw", "reason"] and row["reason"]
    told = Counter((row["table"], row["column"], row["raw"] if row["column"] else kept(source, row)) for row in found)
    wanted = [item for table in expected.values() for item in table.rejected]
    meant = Counter((item.table, item.column, raw(source, item) if item.column else documented(source, item)) for item in wanted)
    missing, added = list((meant - told).items()), list((told - meant).items())
    assert not missing, f"{len(missing)} not told, the first of them: {missing[:SHOWN]}"
    assert not added, f"{len(added)} told without reason, the first of them: {added[:SHOWN]}"
    return len(found)


def raw(source: Source, item: Rejected) -> str:
    """A rejected value as `_rejected/` words it: the characters of a text, else JSON as written, without members that nobody asked for."""
    value, kind = item.value, source.tables[item.table]["columns"].get(item.column, {}).get("type")
    if isinstance(value, (Object, list)) and kind != "text":
        nested = isinstance(value, Object) or any(isinstance(element, (Object, list)) for element in value)
        shown = ("{…}" if isinstance(value, Object) else "[…]") if nested else compact(value)
    else:
        shown = str(value) if isinstance(value, str) else text(value)
    cut = shown.encode("utf-8")[:LONGEST].decode("utf-8", "ignore")
    return shown if cut == shown else f"{cut}…"


def kept(source: Source, row: dict) -> frozenset | str:
    """The columns told of a rejected record, save for the parent's; `cut` where it is too long to be told whole."""
    if row["raw"].endswith("…"):
        return "cut"
    columns = source.tables[row["table"]]["columns"]
    told = json.loads(row["raw"])
    return frozenset((name, json.dumps(told[name], sort_keys=True)) for name in told if "parent" not in columns[name])


def documented(source: Source, item: Rejected) -> frozenset | str:
    """The documented columns of a record without a key, which are all that may be told of it; none of personal data, which nothing could forget there."""
    shown = {}
    for name, column in source.tables[item.table]["columns"].items():
        if column.get("personal", "none") != "none":
            continue
        value = MISSING if "parent" in column else find(column, item.value, **item.context)
        if value is MISSING:
            continue
        told = raw(source, Rejected(item.table, name, value))
        if len(told.encode("utf-8")) > LONGEST:
            return "cut"
        hidden = isinstance(value, (Object, list)) and told in ("{…}", "[…]")
        shown[name] = json.dumps(told if hidden else json.loads(compact(value)), sort_keys=True)
    return frozenset(shown.items())
