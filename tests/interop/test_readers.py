"""The lake as DuckDB, PyArrow, Polars and Spark read it, against the documents' catalogue and the sandbox's own counts."""

from concurrent.futures import ThreadPoolExecutor

import polars
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import lake as rules
import program
from lake import query

TABLES = program.TABLES
DUCKDB = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
}


def scan(lake, table: str, hive: bool) -> str:
    return f"read_parquet('{lake.glob(table)}', hive_partitioning={str(hive).lower()})"


def names_and_types(source: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in query(f"DESCRIBE SELECT * FROM {source}")]


def test_all_documented_tables_are_there(lake):
    """The 84 of the documents and 18 beyond them, each declared, counted by the sandbox and committed; the report and the manifests tell the same
    rows and bytes."""
    assert (sum(map(len, program.CATALOG.values())), len(TABLES)) == (84, 84 + 18)
    assert set(lake.tables) == set(lake.counts) == set(TABLES)
    assert lake.outcome.statuses() == dict.fromkeys(TABLES, "committed")
    newest = rules.assert_sound(lake.path)
    assert {table: manifest["rows"] for table, manifest in newest.items()} == lake.counts
    for table, manifest in newest.items():
        report = lake.outcome.table(table)
        found = (report["version"], report["rows"], report["bytes"], report["files"])
        assert found == (manifest["version"], manifest["rows"], manifest["bytes"], len(manifest["entries"])), table


@pytest.mark.parametrize("table", TABLES)
def test_duckdb_sees_the_documented_table(lake, documented, table):
    """Columns, order and types of the catalogue, then the custom fields, `_exported_at` last; as many rows as the sandbox holds; no column that is never filled."""
    source = scan(lake, table, hive=False)
    columns = [*documented[table]["columns"], *rules.custom(lake.path, table)]
    expected = [(column["name"], DUCKDB[column["type"]]) for column in columns]
    assert names_and_types(source) == [*expected, ("_exported_at", DUCKDB["timestamp"])]
    filled = ", ".join(f'count("{name}")' for name, _ in expected)
    rows, exported, *counts = query(f"SELECT count(*), count(_exported_at), {filled} FROM {source}")[0]
    assert rows == exported == lake.counts[table] > 0
    empty = [name for (name, _), count in zip(expected, counts) if count == 0]
    assert not empty, f"null in every row: {empty}"


@pytest.mark.parametrize("table", TABLES)
def test_keys_are_unique(lake, table):
    """The declared key names each row once and is null only where its declaration says that it may be."""
    key = lake.tables[table]["primary_key"]
    if not key:
        assert program.PARENTS[table], f"{table} is read from an API and has no key"
        return
    columns = ", ".join(f'"{name}"' for name in key)
    never_null = [name for name in key if name not in lake.tables[table].get("nullable_key", ())]
    nulls = " OR ".join(f'"{name}" IS NULL' for name in never_null)
    rows, distinct, null = query(
        f"SELECT count(*), count(DISTINCT ({columns})), count(*) FILTER ({nulls}) FROM {scan(lake, table, hive=False)}"
    )[0]
    assert (distinct, null) == (rows, 0)


@pytest.mark.parametrize("table", TABLES)
def test_partitions_hold_what_their_name_says(lake, table):
    """With hive partitioning on, the folders add one column at the end, whose value is that of the rows."""
    added = names_and_types(scan(lake, table, hive=True))[len(names_and_types(scan(lake, table, hive=False))) :]
    partition = rules.manifests(lake.path)[table]["partition"]
    if not partition:
        assert not added and not lake.tables[table].get("partition")
        return
    (name, _), column, by = added[0], partition["column"], partition["by"]
    assert len(added) == 1 and name == f"{column}_{by}"
    style = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}[by]
    # DuckDB reads `2026-03` as text and `2026` as a number: compared as text, years without their leading zeros.
    wrong = query(
        f"""SELECT DISTINCT "{name}", strftime("{column}", '{style}') FROM {scan(lake, table, hive=True)}
        WHERE ltrim("{name}"::VARCHAR, '0') IS DISTINCT FROM ltrim(strftime("{column}", '{style}'), '0')"""
    )
    assert not wrong


@pytest.mark.parametrize("table", TABLES)
def test_files_describe_themselves(lake, documented, table):
    """Field metadata tells each column's meaning; the key has statistics and a bloom filter in every row group."""
    declared = {column["name"]: column for column in lake.tables[table]["columns"]}
    for file in rules.files(lake.path, table):
        schema = pq.read_schema(file)
        own = rules.custom(lake.path, table)
        assert all(schema.field(column["name"]).metadata[b"field_key"] for column in own)
        for column in documented[table]["columns"]:
            metadata = {name.decode(): value.decode() for name, value in schema.field(column["name"]).metadata.items()}
            assert metadata["description"] == declared[column["name"]]["description"]
            assert metadata["documented_type"] == column["type"]
            assert metadata.get("references") == column.get("references")
        assert schema.field("_exported_at").metadata[b"description"]
        for name in lake.tables[table]["primary_key"]:
            groups = query(
                f"""SELECT stats_min_value, stats_max_value, stats_null_count, bloom_filter_offset, bloom_filter_length
                FROM parquet_metadata('{file}') WHERE path_in_schema = '{name}' AND row_group_num_rows > 0"""
            )
            assert groups and all(None not in group for group in groups), f"{file} {name}: {groups}"


def test_the_manifest_describes_the_table(lake, documented):
    """The schema in each manifest is the documented one; a parent names the versions of what is exploded from it."""
    newest = rules.manifests(lake.path)
    for table, manifest in newest.items():
        columns = [(column["name"], column["type"], column.get("references")) for column in manifest["schema"]["columns"]]
        expected = [(column["name"], column["type"], column.get("references")) for column in documented[table]["columns"]]
        assert columns[: len(expected)] == expected, table
        assert manifest["primary_key"] == lake.tables[table]["primary_key"]
        assert manifest["run_id"] == lake.outcome.report["run_id"]
        source = table.split(".")[0]
        children = [name for name in TABLES if name.startswith(f"{source}.") and program.PARENTS[name] == documented[table]["id"]]
        assert manifest.get("children", {}) == {name.split(".")[1]: newest[name]["version"] for name in children}


def test_pyarrow_and_polars_read_the_same(lake):
    """Both find the same columns, partitions included, and the same rows."""
    for table in TABLES:
        expected = [name for name, _ in names_and_types(scan(lake, table, hive=True))]
        dataset = pyarrow.dataset.dataset(lake.folder(table), format="parquet", partitioning="hive")
        assert (dataset.schema.names, dataset.count_rows()) == (expected, lake.counts[table]), table
        frame = polars.scan_parquet(lake.glob(table), hive_partitioning=True)
        rows = frame.select(polars.len()).collect().item()
        assert (frame.collect_schema().names(), rows) == (expected, lake.counts[table]), table


def test_pyarrow_and_polars_read_every_value(lake):
    """Every page of every file is decoded by both, and the distinct values of each column are as many as DuckDB finds."""
    for table in TABLES:
        columns = [column["name"] for column in lake.tables[table]["columns"]]
        distinct = ", ".join(f'count(DISTINCT "{name}")' for name in columns)
        duck = query(f"SELECT {distinct} FROM {scan(lake, table, hive=False)}")[0]
        arrow = pyarrow.dataset.dataset(lake.folder(table), format="parquet").to_table()
        found = [len(arrow[name].drop_null().unique()) for name in columns]
        assert found == list(duck), table
        frame = polars.read_parquet(lake.glob(table), hive_partitioning=False)
        assert [frame[name].drop_nulls().n_unique() for name in columns] == found, table


def test_spark_reads_the_same(lake, spark):
    """Spark discovers the partitions of every folder and finds the same columns and rows, every column decoded."""
    from pyspark.sql import functions as f

    def read(table):
        frame = spark.read.parquet(str(lake.folder(table)))
        filled = [f.count(f.col(f"`{name}`")) for name in frame.columns]
        rows, *counts = frame.select(f.count(f.lit(1)), *filled).first()
        return table, frame.columns, rows, tuple(counts)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, TABLES))
    for table, columns, rows, counts in found:
        assert columns == [name for name, _ in names_and_types(scan(lake, table, hive=True))], table
        assert rows == lake.counts[table], table
        counted = ", ".join(f'count("{name}")' for name in columns)
        duck = query(f"SELECT {counted} FROM {scan(lake, table, hive=True)}")[0]
        assert counts == duck, table
