"""The views that `afluente views` prints and every run writes, as DuckDB and Spark run them: exactly the live rows, the documented columns, their meaning."""

import json
import shutil
import subprocess

import duckdb
import pytest

import lake as rules
import program

DUCKDB = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
}
SPARK = {"text": "string", "int": "bigint", "float": "double", "boolean": "boolean", "timestamp": "timestamp", "date": "date"}
SOME = ["ploomes.deals", "ploomes.orders", "ploomes.orders_products", "exactsales.tasks", "exactsales.tasks__contacts", "sensedata.customers"]


def afluente(*arguments, cwd=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [program.binary(), *map(str, arguments)], capture_output=True, text=True, env=program.environment(), cwd=cwd, check=False
    )


def views(lake, engine: str) -> str:
    done = afluente("views", "--engine", engine, "--to", lake)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def moved(lake, tmp_path):
    """The lake in a folder whose name means something in a pattern, with a file that no manifest lists."""
    folder = tmp_path / "it's [a] {lake}, with *"
    shutil.copytree(lake.path, folder)
    file = rules.files(folder, "ploomes.deals")[0]
    shutil.copy(file, file.with_name("part-1-999-01234567.parquet"))
    return folder


def test_duckdb_sees_exactly_the_live_rows(lake, documented, moved):
    """All tables in one script, though a glob would see rows twice; names, order, types and descriptions as documented."""
    connection = duckdb.connect()
    connection.execute(views(moved, "duckdb"))
    for table, rows in lake.counts.items():
        schema, name = table.split(".")
        assert connection.execute(f'SELECT count(*) FROM "{schema}"."{name}"').fetchone() == (rows,), table
        found = connection.execute(
            "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
            [schema, name],
        ).fetchall()
        declared = {column["name"]: column["description"] for column in lake.tables[table]["columns"]}
        expected = [(c["name"], DUCKDB[c["type"]], declared[c["name"]]) for c in documented[table]["columns"]]
        expected += [(c["name"], DUCKDB[c["type"]], c["description"]) for c in rules.custom(lake.path, table)]
        assert found[:-1] == expected, table
        assert found[-1][0] == "_exported_at"


def older(folder, table: str, column: str):
    """Takes a column from one of the table's files, as if it had been written before the column was documented."""
    import pyarrow.parquet as pq

    file = rules.files(folder, table)[0]
    rows = pq.read_table(file)
    pq.write_table(rows.drop_columns([column]), file, compression="zstd")
    return rows.num_rows


def test_a_file_older_than_a_column_has_nulls_there(lake, moved):
    """In DuckDB and in Spark."""
    rows = older(moved, "ploomes.orders", "id")
    connection = duckdb.connect()
    connection.execute(views(moved, "duckdb"))
    (null,) = connection.execute('SELECT count(*) FROM ploomes.orders WHERE id IS NULL').fetchone()
    assert null == rows > 0
    session = spark()
    run(session, views(moved, "spark"), ["ploomes.orders"])
    assert session.sql("SELECT id FROM `ploomes.orders` WHERE id IS NULL").count() == rows


def spark():
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def run(session, text: str, tables: list[str]):
    """The statements that are about these tables."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    statements = [statement for statement in code.split(";\n") if any(f"`{table}`" in statement for table in tables)]
    assert len(statements) == 2 * len(tables)
    for statement in statements:
        session.sql(statement).collect()


def test_spark_sees_exactly_the_live_rows(lake, documented, moved):
    """One view per table over many files in folders, in a lake whose own name means something in a pattern; a file that is gone is told."""
    session = spark()
    text = views(moved, "spark")
    run(session, text, SOME)
    for table in SOME:
        assert session.sql(f"SELECT * FROM `{table}`").count() == lake.counts[table], table
        described = session.sql(f"DESCRIBE `{table}`").collect()
        declared = {column["name"]: column["description"] for column in lake.tables[table]["columns"]}
        expected = [(c["name"], SPARK[c["type"]], declared[c["name"]]) for c in documented[table]["columns"]]
        expected += [(c["name"], SPARK[c["type"]], c["description"]) for c in rules.custom(lake.path, table)]
        assert [tuple(row) for row in described][:-1] == expected, table
        assert session.sql(f"SELECT * FROM `{table}` WHERE _exported_at IS NULL").count() == 0
    manifest = rules.manifests(moved)["ploomes.orders"]
    assert len(manifest["entries"]) > 1
    (moved / "ploomes" / "orders" / manifest["entries"][0]["path"]).unlink()
    with pytest.raises(Exception, match="no longer what it was"):
        run(session, text, ["ploomes.orders"])


def test_verify_agrees_with_the_readers(lake, moved):
    """Clean as exported; a copy that lies beside is a warning; a torn file and a file that is gone are faults."""
    done = afluente("verify", "--to", lake.path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    done = afluente("verify", "--to", moved)
    assert done.returncode == 0 and "left over" in done.stdout, done.stdout
    entries = rules.manifests(moved)["ploomes.orders"]["entries"]
    torn, gone = (moved / "ploomes" / "orders" / entry["path"] for entry in entries[:2])
    torn.write_bytes(torn.read_bytes()[:-1])
    gone.unlink()
    done = afluente("verify", "--to", moved, "-o", "json")
    assert done.returncode == 1
    faults = [finding for finding in json.loads(done.stdout)["findings"] if finding["level"] == "fault"]
    assert {finding["file"] for finding in faults} == {f"ploomes/orders/{entry['path']}" for entry in entries[:2]}


def test_compact_keeps_every_row(lake, tmp_path):
    """Partitions of several files become one file each, read by DuckDB as the same rows; once more, and there is nothing to do."""
    folder = tmp_path / "lake"
    shutil.copytree(lake.path, folder)
    before = halve(folder, "ploomes.orders")
    done = afluente("compact", "--to", folder)
    assert done.returncode == 0 and "ploomes.orders" in done.stderr, done.stderr
    connection = duckdb.connect()
    glob = f"read_parquet('{folder}/ploomes/orders/**/part-[1-9]*.parquet', hive_partitioning = false)"
    assert connection.execute(cells(glob)).fetchall() == before
    connection.execute((folder / "_views" / "duckdb.sql").read_text())
    assert connection.execute(cells("ploomes.orders")).fetchall() == before
    assert afluente("verify", "--to", folder).returncode == 0
    again = afluente("compact", "--to", folder)
    assert again.returncode == 0 and "nothing to merge" in again.stderr


def cells(source: str) -> str:
    """Every cell as text, in the order of the key."""
    return f"SELECT COLUMNS(*)::VARCHAR FROM (SELECT * FROM {source} ORDER BY id)"


def halve(folder, table: str) -> list:
    """Cuts every file of a table in two; its rows before."""
    import hashlib

    import pyarrow.parquet as pq

    place = folder / table.replace(".", "/")
    rows = duckdb.connect().execute(cells(f"read_parquet('{place}/**/part-[1-9]*.parquet', hive_partitioning = false)")).fetchall()
    (path,) = place.glob("_manifest/*.json")
    manifest = json.loads(path.read_text())
    entries = []
    for at, entry in enumerate(manifest["entries"]):
        whole = pq.read_table(place / entry["path"])
        (place / entry["path"]).unlink()
        middle = whole.num_rows // 2
        for half, part in enumerate([whole.slice(0, middle), whole.slice(middle)]):
            if part.num_rows == 0:
                continue
            name = f"part-1-{2 * at + half}-{2 * at + half:08x}.parquet"
            target = (place / entry["path"]).with_name(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(part, target, compression="zstd")
            data = target.read_bytes()
            meta = entry["meta"] | {
                "content_length": len(data),
                "record_count": part.num_rows,
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            entries.append(entry | {"path": str(target.relative_to(place)), "meta": meta})
    manifest |= {"entries": entries, "bytes": sum(entry["meta"]["content_length"] for entry in entries)}
    path.write_text(json.dumps(manifest))
    return rows
