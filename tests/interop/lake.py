"""What a lake holds, read from its files alone, and the rules that hold whatever happened to it."""

import functools
import hashlib
import json
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = re.compile(r"^\d{20}\.json$")


def query(sql: str, *parameters) -> list[tuple]:
    """What DuckDB answers, times in UTC."""
    return reader().execute(sql, parameters).fetchall()


@functools.cache
def reader() -> duckdb.DuckDBPyConnection:
    """One DuckDB for the whole session."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def manifests(lake: Path) -> dict[str, dict]:
    """The newest manifest of every table, by `connection.table`."""
    found = {}
    for folder in sorted(Path(lake).glob("*/*/_manifest")):
        numbered = sorted(file for file in folder.iterdir() if MANIFEST.match(file.name))
        if numbered:
            manifest = json.loads(numbered[-1].read_text("utf-8"))
            assert manifest["version"] == int(numbered[-1].stem), numbered[-1]
            found[f"{folder.parent.parent.name}.{folder.parent.name}"] = manifest
    return found


def custom(lake: Path, table: str) -> list[dict]:
    """The columns of a table's custom fields, which follow the documented ones, as its manifest has them: name, type, description."""
    schema = manifests(lake)[table]["schema"]
    names = {column for field in schema.get("fields", []) for column in field["columns"]}
    return [column for column in schema["columns"] if column["name"] in names]


def folder(lake: Path, table: str) -> Path:
    """Where `connection.table` lies."""
    return Path(lake).joinpath(*table.split(".", 1))


def files(lake: Path, table: str) -> list[Path]:
    """The data files that a plain glob finds."""
    return sorted(folder(lake, table).rglob("*.parquet"))


def rows(lake: Path, table: str) -> int:
    """The rows that a plain glob finds."""
    return sum(pq.read_metadata(file).num_rows for file in files(lake, table))


def assert_sound(lake: Path, killed: bool = False, url: str | None = None) -> dict[str, dict]:
    """Every data file is in its table's newest manifest and is what it says, and nothing else lies about.

    After `killed` runs, the beginnings of manifests may lie beside them, where no reader looks; of data files, not even beginnings.
    Files of a copied lake name the `url` where they were written.
    """
    lake = Path(lake)
    url = url or f"file://{lake}"
    newest = manifests(lake)
    live = set()
    for table, manifest in newest.items():
        assert f"{manifest['connection']}.{manifest['table']}" == table
        total = {"rows": 0, "bytes": 0}
        for entry in manifest["entries"]:
            file = folder(lake, table) / entry["path"]
            data = file.read_bytes()
            meta = entry["meta"]
            assert meta["content_length"] == len(data), file
            assert meta["sha256"] == hashlib.sha256(data).hexdigest(), file
            assert meta["record_count"] == pq.read_metadata(file).num_rows, file
            assert entry["url"] == f"{url}/{file.relative_to(lake)}", entry["url"]
            assert entry["mandatory"] is True
            assert file not in live, f"{file} is named twice"
            live.add(file)
            total["rows"] += meta["record_count"]
            total["bytes"] += len(data)
        assert total == {"rows": manifest["rows"], "bytes": manifest["bytes"]}, table
    others = [file for file in lake.rglob("*") if file.is_file() and file not in live and not is_known(file.relative_to(lake))]
    strays = [file for file in others if not killed or ".parquet" in file.name]
    assert not strays, f"files that no manifest names: {[str(file.relative_to(lake)) for file in strays]}"
    return newest


def is_known(path: Path) -> bool:
    """Whether a file that is no data file has its place in a lake."""
    parts = path.parts
    return (
        parts[0] in ("_runs", "_views")
        or len(parts) == 2 and parts[1] == "_connection.json"
        or len(parts) == 3 and parts[1] == "_rejected" and path.suffix == ".parquet"
        or len(parts) == 3 and parts[1] == "_derived" and path.suffix == ".json"
        or len(parts) == 3 and parts[1] == "_lease" and bool(MANIFEST.match(parts[2]))
        or len(parts) == 4 and parts[2] == "_manifest" and bool(MANIFEST.match(parts[3]))
    )


def rejected(lake: Path, connection: str) -> list[dict]:
    """Every rejected record and cell of a connection."""
    return [row for file in sorted((Path(lake) / connection / "_rejected").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def assert_secret(secrets: list[str], lake: Path | None, *texts: str) -> None:
    """No secret stands in a text, in any byte of the lake, or in any value that is compressed inside a Parquet file."""
    assert secrets and all(len(secret) >= 8 for secret in secrets)
    for text in texts:
        for secret in secrets:
            assert secret not in text, f"a token is in: {text.replace(secret, '<<TOKEN>>')}"
    for file in Path(lake).rglob("*") if lake else ():
        if not file.is_file():
            continue
        data = file.read_bytes()
        for secret in secrets:
            assert secret not in str(file) and secret.encode() not in data, f"a token is in {file}"
        if file.suffix == ".parquet":
            for name, column in zip((table := pq.read_table(file)).column_names, table.columns):
                if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                    text = "\n".join(value for value in column.to_pylist() if value is not None)
                    for secret in secrets:
                        assert secret not in text, f"a token is in column {name} of {file}"
