"""What custom fields must look like in the lake, worked out from the vendor's own JSON and nothing of the program's."""

import json
import re
import unicodedata
from datetime import datetime, timedelta

import duckdb

import cells
import lake as rules
import pagers
import program
import refreshing
from oracle import MISSING, Source, text

# Entities of the vendor, by table.
TABLES = {"contacts": "1", "deals": "2", "orders": "4", "quotes": "7", "products": "10"}
ITEMS = {"quotes_products": "14", "orders_products": "20"}
# A field that leads to an entity of the vendor: what its values are called.
LINKS = {"24": "UserValue", "1": "ContactValue", "10": "ProductValue"}
# Characters of a difference that are shown.
LONGEST = 400
NATIVE = {"String": "text", "BigString": "text", "Integer": "int", "Decimal": "float", "DateTime": "timestamp", "Bool": "boolean"}


class Field:
    """A field as `/Fields` lists it."""

    def __init__(self, listed: pagers.Object):
        self.id, self.key, self.name, self.entity = (listed.get(member) for member in ("Id", "Key", "Name", "EntityId"))
        self.multiple, self.dynamic = listed.get("Multiple"), listed.get("Dynamic")
        native = listed.get("Type").get("NativeType")
        if listed.get("OptionsTableId") is not None:
            pair = [("_val", "text", "ObjectValueName"), ("_id", "text", "ObjectValueId")]
        elif link := LINKS.get(listed.get("SecondaryEntityId")):
            pair = [("_id", "text", f"{link}Id"), ("_name", "text", f"{link}Name")]
        elif listed.get("Type").get("Name") == "Anexo":
            pair = [("_id", "text", "AttachmentItemValueId"), ("_name", "text", "AttachmentItemValueName")]
        else:
            pair = [("", NATIVE[native], f"{native}Value")]
        if self.multiple:
            pair = [("", "text", next(member for _, _, member in pair if member.endswith("Name")))]
        # Ending of the column's name, type, member of the item.
        self.columns = pair

    def cells(self, source: Source, items: list) -> list:
        """The values of its columns in a row that has these items of it."""
        if self.multiple:
            values = [text(item.get(self.columns[0][2])) for item in items if item.get(self.columns[0][2]) is not None]
            return [",".join(values) if values else None]
        assert len(items) <= 1, f"{self.key}: several items"
        return [source.cell({"type": kind}, items[0].get(member) if items else MISSING) for _, kind, member in self.columns]


class Account:
    """The vendor's side: the fields that there are, and the rows with their values, as they are now."""

    def __init__(self, sandbox: program.Sandbox):
        self.sandbox = sandbox
        self.source = Source(program.REPOSITORY / "schemas", "ploomes", sandbox.bases["ploomes"], sandbox.env)

    def fields(self, table: str) -> dict[str, Field]:
        """The custom fields of a table, by key, in the order of their ids."""
        entity = (TABLES | ITEMS)[table]
        listed = map(Field, pagers.ploomes(self.source.api, "/Fields", **{"$expand": "Type"}))
        return {field.key: field for field in listed if field.dynamic and field.entity == entity}

    def records(self, table: str) -> dict[str, pagers.Object]:
        """The rows of a table with their custom fields, by id."""
        endpoint = self.source.tables[table]["endpoint"]
        rows = pagers.ploomes(self.source.api, endpoint, **{"$expand": "OtherProperties"})
        return {str(record.get("Id")): record for record in rows}

    def rows(self, table: str, columns: dict[str, list[str]]) -> dict[str, dict]:
        """What the columns of these fields, by key, hold in each row that is read now."""
        fields = self.fields(table)
        wanted = {}
        for key, record in self.records(table).items():
            items: dict[str, list] = {}
            for item in record.get("OtherProperties"):
                items.setdefault(item.get("FieldKey"), []).append(item)
            row = wanted[key] = {}
            for field, names in columns.items():
                row.update(zip(names, fields[field].cells(self.source, items.get(field, [])), strict=True))
        return wanted

    def read_since(self, table: str, savepoint: str | None) -> set[str]:
        """The rows that a refresh from this savepoint on reads."""
        records = self.records(table)
        if savepoint is None:
            return set(records)
        lookback = re.fullmatch(r"(\d+)([smhd])", self.source.tables[table]["replication"].get("lookback", "0s"))
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[lookback[2]]
        since = datetime.fromisoformat(savepoint) - timedelta(**{unit: int(lookback[1])})
        micros = int(since.timestamp()) * 10**6 + since.microsecond
        moved = {key: self.source.cell({"type": "timestamp"}, record.get("LastUpdateDate")) for key, record in records.items()}
        return {key for key, at in moved.items() if at >= micros}


def words(name: str) -> str:
    """A field's name as the words of a column's, before it is kept apart from others."""
    plain = unicodedata.normalize("NFD", name.lower().replace("ß", "ss").replace("œ", "oe"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub("[^a-z0-9]+", "_", plain).strip("_")[:60].rstrip("_")
    return f"field_{plain}" if plain[:1].isdigit() else plain or "field"


def named(field: Field, taken: set[str]) -> list[str]:
    """The names of a field's columns: its words, with the first number behind them that keeps all of them apart from what is taken."""
    for number in range(1, 1000):
        head = words(field.name) + (f"_{number}" if number > 1 else "")
        names = [head + ending for ending, _, _ in field.columns]
        if taken.isdisjoint(names):
            return names
    raise AssertionError(f"{field.name}: no name is free")


def manifest(lake, table: str) -> dict:
    """The newest manifest of a table of the account."""
    return rules.manifests(lake)[f"ploomes.{table}"]


def fields_of(lake, table: str) -> list[dict]:
    """The fields that are columns of a table, in the order of the columns."""
    return manifest(lake, table)["schema"]["fields"]


def types_of(lake, table: str) -> dict[str, dict]:
    """The columns of custom fields, with their types, behind the key."""
    schema = manifest(lake, table)["schema"]
    kinds = {column["name"]: {"type": column["type"]} for column in schema["columns"]}
    names = [name for field in schema["fields"] for name in field["columns"]]
    return {"id": kinds["id"]} | {name: kinds[name] for name in names}


def assert_rows(lake, table: str, wanted: dict[str, dict], spark=None) -> None:
    """The custom fields of each row are these, for whoever reads all files or the view."""
    columns = types_of(lake, table)
    rows = [tuple([key, *(row.get(name) for name in columns if name != "id")]) for key, row in wanted.items()]
    folder = rules.folder(lake, f"ploomes.{table}")
    found = {
        "all files": by_duckdb(f"read_parquet('{folder}/**/part-[1-9]*.parquet', union_by_name = true, hive_partitioning = false)", columns),
        "the view": by_duckdb(f'"ploomes"."{table}"', columns, (lake / "_views" / "duckdb.sql").read_text("utf-8")),
    }
    if spark:
        found["Spark"] = by_spark(spark, folder, columns)
    assert rows, "the vendor has no row: nothing would be compared"
    for reader, here in found.items():
        told = cells.differences(here, rows, list(columns), ["id"])
        assert not told, f"{table} by {reader}: {len(told)} differences, the first of them:\n" + "\n".join(line[:LONGEST] for line in told[: cells.SHOWN])


def by_duckdb(source: str, columns: dict, script: str = "") -> list[tuple]:
    """A table's rows by a DuckDB that knows what the script tells it."""
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; {script}")
        return connection.execute(f"SELECT {cells.chosen(columns)} FROM {source}").fetchall()


def by_spark(spark, folder, columns: dict) -> list[tuple]:
    """The same by Spark, over all files of the table's folder."""
    frame = spark.read.option("mergeSchema", "true").option("recursiveFileLookup", "true").parquet(str(folder))
    forms = {"timestamp": "unix_micros(`{0}`) AS `{0}`"}
    chosen = [forms.get(column["type"], "`{0}`").format(name) for name, column in columns.items()]
    return [tuple(row) for row in frame.selectExpr(*chosen).collect()]


def told(folder, sandbox, config, *args, expected: int = 0) -> list[dict]:
    """What `afluente fields list` or `diff` says."""
    arguments = ["fields", *args, "--config", config, "--to", folder / "lake", "-o", "json"]
    outcome = program.run(arguments, cwd=folder, env=sandbox.environment())
    assert outcome.code == expected, outcome.err
    return json.loads(outcome.out) if outcome.out else []


def synchronise(folder, sandbox, config, *args) -> program.Outcome:
    """`afluente fields sync` of all tables."""
    arguments = ["fields", "sync", "ploomes", *args, "--config", config, "--to", folder / "lake"]
    outcome = program.run(arguments, cwd=folder, env=sandbox.environment())
    assert outcome.code == 0, outcome.err
    return outcome


def configured(folder):
    """A configuration of Ploomes alone, without its limit."""
    return refreshing.configured(folder, sources=["ploomes"])
