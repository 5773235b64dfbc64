"""A reader in a process of its own: reads families of tables again and again until it is told to stop, and tells what it saw.

    python reading.py views|manifests LAKE STOP FAMILIES

FAMILIES is JSON: for each parent, the columns of its key and, for each exploded table, those that hold it there. One JSON object per read goes to stdout: for each
table its rows and a sum of their hashes, how many keys are not unique, how many exploded rows have no parent; or the error.
"""

import json
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq


def measured(connection: duckdb.DuckDBPyConnection, source: str) -> list:
    """Rows, and a number that depends on every value of every row and not on their order."""
    return list(connection.execute(f"SELECT count(*), CAST(coalesce(sum(CAST(hash(t) AS HUGEINT)), 0) AS VARCHAR) FROM {source} t").fetchone())


def examined(connection: duckdb.DuckDBPyConnection, parent: str, key: list[str], children: dict[str, tuple[str, list[str]]]) -> dict:
    """What is seen of a family: `children` are a source and the columns of the parent's key by name."""
    distinct = ", ".join(f'"{name}"' for name in key)
    (doubled,) = connection.execute(f"SELECT count(*) - count(DISTINCT ({distinct})) FROM {parent}").fetchone()
    orphans = 0
    for source, columns in children.values():
        same = " AND ".join(f'c."{column}" = p."{name}"' for column, name in zip(columns, key))
        (more,) = connection.execute(f"SELECT count(*) FROM {source} c ANTI JOIN {parent} p ON {same}").fetchone()
        orphans += more
    seen = {"": measured(connection, parent)} | {name: measured(connection, source) for name, (source, _) in children.items()}
    return {"doubled": doubled, "orphans": orphans, "seen": seen}


def by_views(lake: Path, family: dict) -> dict:
    """DuckDB over the script that every run writes."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute((lake / "_views" / "duckdb.sql").read_text("utf-8"))
        quoted = {name: '"{}"."{}"'.format(*name.split(".")) for name in (family["parent"], *family["children"])}
        children = {name: (quoted[name], columns) for name, columns in family["children"].items()}
        return examined(connection, quoted[family["parent"]], family["key"], children)


def by_manifests(lake: Path, family: dict) -> dict:
    """PyArrow over the entries of the parent's newest manifest, and of the versions of its children that this one names."""

    def table(name: str, version: int | None) -> tuple[dict, pa.Table]:
        folder = lake.joinpath(*name.split("."))
        files = folder.glob("_manifest/" + "[0-9]" * 20 + ".json")
        newest = folder / "_manifest" / f"{version:020}.json" if version else max(files)
        manifest = json.loads(newest.read_text("utf-8"))
        rows = pa.concat_tables([pq.ParquetFile(folder / entry["path"]).read() for entry in manifest["entries"]])
        assert rows.num_rows == manifest["rows"], f"{name}: {rows.num_rows} rows, the manifest says {manifest['rows']}"
        return manifest, rows

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        manifest, rows = table(family["parent"], None)
        connection.register("parent", rows)
        children = {}
        for number, (name, columns) in enumerate(family["children"].items()):
            connection.register(f"child{number}", table(name, manifest["children"][name.split(".")[1]])[1])
            children[name] = (f"child{number}", columns)
        return examined(connection, "parent", family["key"], children)


def main() -> None:
    how, lake, stop, families = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4])
    read = {"views": by_views, "manifests": by_manifests}[how]
    while not stop.exists():
        for family in families:
            try:
                told = read(lake, family)
            except (OSError, duckdb.Error) as error:
                told = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps({"parent": family["parent"], **told}), flush=True)


if __name__ == "__main__":
    main()
