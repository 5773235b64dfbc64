"""One reader over one lake, in a process of an environment of its own: what each documented way of reading a table gives, cell by cell.

    python reader.py READER PLAN

PLAN is a JSON file: `lake`, and `tables`, by name: `folder`, `files`, `columns` (name and type) and `partition` (the folders' column, or null). One JSON object goes to stdout: the reader's `version`,
and by way of reading and table the `rows`, whose cells are `null`, booleans, texts, whole numbers, numbers as hexadecimal texts, moments as microseconds and days as days
since 1970; and `counts` of rows by conditions on numbers, which statistics may answer; or the `error`.
"""

import json
import sys
from pathlib import Path

PARTS = "**/part-[1-9]*.parquet"
# ClickHouse's patterns have no classes of characters, and its `**` stands for one folder at least.
CLICKHOUSE_PARTS = "part-{1,2,3,4,5,6,7,8,9}*.parquet"
# Both zeros are equal; each condition can be answered by leaving out files or pages.
CONDITIONS = ["amount = 0", "amount < 0", "amount >= 1", "id = 7", "id > 60"]


def cell(kind: str, value):
    """A value as it is told."""
    if value is None:
        return None
    return {"float": lambda: float(value).hex(), "int": lambda: int(value), "timestamp": lambda: int(value), "date": lambda: int(value)}.get(
        kind, lambda: value
    )()


def told(table: dict, columns: list[list], counts: dict[str, int] | None) -> dict:
    """Rows of these columns of cells."""
    kinds = [kind for _, kind in table["columns"]]
    rows = [[cell(kind, value) for kind, value in zip(kinds, row)] for row in zip(*columns)]
    return {"rows": sorted(rows, key=json.dumps), "counts": counts}


def conditions(table: dict) -> list[str]:
    """Those on columns that are numbers in this table; one without partitions and one of years are enough."""
    numbers = {("id", "float"), ("amount", "float")} <= {tuple(column) for column in table["columns"]}
    return CONDITIONS if numbers and table["partition"] in (None, "moment_year") else []


def by_sql(table: dict, forms: dict[str, str], quote: str, ask) -> dict:
    """By an engine that `ask`s in SQL: the expression for a moment and for a day are its own."""
    asked = ", ".join(forms.get(kind, "{}").format(quote + name + quote) for name, kind in table["columns"])
    columns = list(zip(*ask(asked, ""))) or [[] for _ in table["columns"]]
    return told(table, columns, {one: ask("count(*)", f" WHERE {one}")[0][0] for one in conditions(table)})


def by_arrow(table: dict, rows, counts=None) -> dict:
    """From an Arrow table."""
    import pyarrow as pa

    raw = {"timestamp": pa.int64(), "date": pa.int32()}
    columns = []
    for name, kind in table["columns"]:
        column = rows[name]
        if kind == "timestamp":
            column = column.cast(pa.timestamp("us", column.type.tz))
        columns.append((column.cast(raw[kind]) if kind in raw else column).to_pylist())
    return told(table, columns, counts)


def duckdb(plan: dict):
    import duckdb

    forms = {"timestamp": "epoch_us({})", "date": "datediff('day', DATE '1970-01-01', {})"}
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def of(source: str, table: dict) -> dict:
        return by_sql(table, forms, '"', lambda asked, where: connection.execute(f"SELECT {asked} FROM {source}{where}").fetchall())

    def text(path: str) -> str:
        return "'" + path.replace("'", "''") + "'"

    yield duckdb.__version__
    yield "glob", lambda _, table: of(f"read_parquet({text(table['folder'] + '/' + PARTS)}, hive_partitioning = true, union_by_name = true)", table)
    connection.execute(Path(plan["lake"], "_views", "duckdb.sql").read_text("utf-8"))
    yield "views", lambda name, table: of(".".join(f'"{part}"' for part in name.split(".")), table)


def polars(_: dict):
    import polars as pl

    forms = {"timestamp": pl.Int64, "date": pl.Int32}
    filters = {
        "amount = 0": pl.col("amount") == 0,
        "amount < 0": pl.col("amount") < 0,
        "amount >= 1": pl.col("amount") >= 1,
        "id = 7": pl.col("id") == 7,
        "id > 60": pl.col("id") > 60,
    }

    def of(table: dict, **options) -> dict:
        def frame():
            return pl.scan_parquet(**options)

        chosen = [pl.col(name).cast(forms[kind]) if kind in forms else pl.col(name) for name, kind in table["columns"]]
        rows = frame().select(chosen).collect()
        counts = {one: frame().filter(filters[one]).select(pl.len()).collect().item() for one in conditions(table)}
        return told(table, [rows[name].to_list() for name, _ in table["columns"]], counts)

    yield pl.__version__
    yield "glob", lambda _, table: of(table, source=table["folder"] + "/" + PARTS, hive_partitioning=True)
    yield "files of the manifest", lambda _, table: of(table, source=table["files"], hive_partitioning=False)


def pyarrow(_: dict):
    import pyarrow as pa
    import pyarrow.dataset as ds

    field = ds.field
    filters = {
        "amount = 0": field("amount") == 0,
        "amount < 0": field("amount") < 0,
        "amount >= 1": field("amount") >= 1,
        "id = 7": field("id") == 7,
        "id > 60": field("id") > 60,
    }

    def of(table: dict) -> dict:
        dataset = ds.dataset(table["folder"], partitioning="hive")
        return by_arrow(table, dataset.to_table(), {one: dataset.count_rows(filter=filters[one]) for one in conditions(table)})

    yield pa.__version__
    yield "folder", lambda _, table: of(table)


def pandas(_: dict):
    import pandas as pd
    import pyarrow as pa

    def exact(table: dict) -> dict:
        rows = pd.read_parquet(table["folder"], partitioning=None, dtype_backend="pyarrow")
        return by_arrow(table, pa.table({name: pa.array(rows[name]) for name, _ in table["columns"]}))

    yield pd.__version__
    # Without Arrow's types, whole numbers beside nulls become floats: how many rows there are is all that is compared.
    yield "folder, rows only", lambda _, table: {"count": len(pd.read_parquet(table["folder"], partitioning=None))}
    yield "folder", lambda _, table: exact(table)


def spark(plan: dict):
    import pyspark
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    forms = {"timestamp": "unix_micros({})", "date": "unix_date({})"}

    def of(frame, table: dict) -> dict:
        frame.createOrReplaceTempView("asked")
        return by_sql(table, forms, "`", lambda asked, where: session.sql(f"SELECT {asked} FROM asked{where}").collect())

    yield pyspark.__version__
    yield "folder", lambda _, table: of(session.read.option("datetimeRebaseMode", "CORRECTED").parquet(table["folder"]), table)
    statements = [line for line in Path(plan["lake"], "_views", "spark.sql").read_text("utf-8").splitlines() if not line.startswith("--")]
    for statement in "\n".join(statements).split(";\n"):
        if statement.strip():
            session.sql(statement.strip().removesuffix(";")).collect()
    yield "views", lambda name, table: of(session.table(f"`{name}`"), table)


def datafusion(_: dict):
    import datafusion as df

    forms = {"timestamp": "arrow_cast({}, 'Int64')", "date": "arrow_cast({}, 'Int32')", "text": "arrow_cast({}, 'Utf8')"}

    def of(table: dict) -> dict:
        context = df.SessionContext()
        context.register_parquet("asked", table["folder"])

        def ask(asked: str, where: str) -> list[tuple]:
            batches = context.sql(f"SELECT {asked} FROM asked{where}").collect()
            return [row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns))]

        return by_sql(table, forms, '"', ask)

    yield df.__version__
    yield "folder", lambda _, table: of(table)


def deltalake(plan: dict):
    import deltalake
    import pyarrow as pa

    forms = {"timestamp": "arrow_cast({}, 'Int64')", "date": "arrow_cast({}, 'Int32')", "text": "arrow_cast({}, 'Utf8')"}
    kinds = {"text": "string", "int": "long", "float": "double", "boolean": "boolean", "timestamp": "timestamp", "date": "date"}

    def of(name: str, table: dict) -> dict:
        # A log over the files as they lie: paths in it are those of URLs.
        from urllib.parse import quote

        folder = Path(plan["scratch"], "delta", name)
        folder.mkdir(parents=True)
        fields = [{"name": column, "type": kinds[kind], "nullable": True, "metadata": {}} for column, kind in table["columns"]]
        actions = [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {
                "metaData": {
                    "id": "00000000-0000-0000-0000-000000000000",
                    "format": {"provider": "parquet", "options": {}},
                    "schemaString": json.dumps({"type": "struct", "fields": fields}),
                    "partitionColumns": [],
                    "configuration": {},
                    "createdTime": 0,
                }
            },
        ]
        for n, file in enumerate(table["files"]):
            target = folder / f"part-{n}.parquet"
            target.symlink_to(file)
            add = {"path": quote(target.name), "partitionValues": {}, "size": Path(file).stat().st_size, "modificationTime": 0, "dataChange": True}
            actions.append({"add": add})
        log = folder / "_delta_log"
        log.mkdir()
        (log / f"{0:020}.json").write_text("".join(json.dumps(action) + "\n" for action in actions), "utf-8")
        delta = deltalake.DeltaTable(str(folder))

        def ask(asked: str, where: str) -> list[tuple]:
            found = deltalake.QueryBuilder().register("asked", delta).execute(f"SELECT {asked} FROM asked{where}")
            batches = [pa.record_batch(batch) for batch in (found.fetchall() if hasattr(found, "fetchall") else found)]
            return [row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns))]

        return by_sql(table, forms, '"', ask)

    yield deltalake.__version__
    yield "files of the manifest", of


def iceberg(plan: dict):
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyiceberg
    from pyiceberg.catalog.sql import SqlCatalog

    place = Path(plan["scratch"], "iceberg")
    place.mkdir(parents=True)
    catalog = SqlCatalog("asked", uri=f"sqlite:///{place}/catalog.db", warehouse=f"file://{place}")
    catalog.create_namespace("lake")

    def of(name: str, table: dict) -> dict:
        # Without the metadata of fields, and every column may be null.
        schema = pa.schema([pa.field(field.name, field.type) for field in pq.read_schema(table["files"][0])])
        made = catalog.create_table(("lake", name.replace(".", "_")), schema=schema)
        made.add_files(table["files"])
        counts = {one: made.scan(row_filter=one).to_arrow().num_rows for one in conditions(table)}
        return by_arrow(table, made.scan().to_arrow(), counts)

    yield pyiceberg.__version__
    yield "files of the manifest", of


def clickhouse(_: dict):
    import chdb
    import pyarrow as pa

    forms = {"timestamp": "toUnixTimestamp64Micro({})", "date": "toInt32({})"}

    def of(table: dict) -> dict:
        def ask(asked: str, where: str) -> list[tuple]:
            # A table without rows has one file, in none of the folders of its partitions.
            inside = table["partition"] and len(table["files"]) > 0 and f"/{table['partition']}=" in table["files"][0]
            pattern = "/".join([table["folder"], *(["*"] if inside else []), CLICKHOUSE_PARTS]).replace("\\", "\\\\").replace("'", "\\'")
            # Days that it has no place for become the first or the last that it has, rather than fail the query.
            settings = "output_format_arrow_string_as_string = 1, date_time_overflow_behavior = 'saturate'"
            sql = f"SELECT {asked} FROM file('{pattern}', Parquet){where} SETTINGS {settings}"
            with pa.ipc.open_file(chdb.query(sql, "Arrow").bytes()) as found:
                rows = found.read_all()
            return list(zip(*(column.to_pylist() for column in rows.columns)))

        return by_sql(table, forms, '"', ask)

    yield str(chdb.query("SELECT version()", "TSV")).strip()
    yield "glob", lambda _, table: of(table)


READERS = [duckdb, polars, pyarrow, pandas, spark, datafusion, deltalake, iceberg, clickhouse]


def main() -> None:
    reader = next(reader for reader in READERS if reader.__name__ == sys.argv[1])
    plan = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    ways = reader(plan)
    found: dict = {"version": next(ways), "ways": {}}
    for way, read in ways:
        found["ways"][way] = {}
        for name, table in plan["tables"].items():
            try:
                found["ways"][way][name] = read(name, table)
            except BaseException as error:  # noqa: BLE001: what a reader throws is its own
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    raise
                found["ways"][way][name] = {"error": f"{type(error).__name__}: {error}"[:400]}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
