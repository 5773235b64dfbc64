"""Ploomes' custom fields: sixty of every type on each entity, held against the vendor's JSON; then what becomes of their columns when the fields change.

Which columns a field has is read from the manifest; what stands in them, how many they are and of which types is worked out from the vendor's list (fields.py).
"""

import pyarrow.parquet as pq
import pytest

import fields
import lake as rules
import program
import refreshing
from fields import ITEMS, TABLES, Account, assert_rows, fields_of, manifest, synchronise, told, types_of

EACH = 60
ALL = TABLES | ITEMS
CHOSEN = ",".join(ALL)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An account of 60 custom fields on each entity, and its first export."""
    folder = tmp_path_factory.mktemp("fields")
    with program.Sandbox("--rows", 160, "--seed", 5, "--custom-fields", EACH) as sandbox:
        config = fields.configured(folder)
        outcome = refreshing.export(folder, sandbox, config, "--tables", CHOSEN)
        yield folder / "lake", Account(sandbox), outcome


def by_key(lake, table: str) -> dict[str, list[str]]:
    """The columns of each field."""
    return {field["key"]: field["columns"] for field in fields_of(lake, table)}


@pytest.mark.parametrize("table", ALL)
def test_every_field_is_columns_of_its_type(exported, table):
    """Each custom field that the vendor lists, and no other, has the columns of its type, between the documented ones and `_exported_at`."""
    lake, account, _ = exported
    listed, found = account.fields(table), fields_of(lake, table)
    assert len(listed) == EACH
    assert [field["key"] for field in found] == list(listed)
    kinds = {column["name"]: column["type"] for column in manifest(lake, table)["schema"]["columns"]}
    names = [name for field in found for name in field["columns"]]
    documented = list(account.source.tables[table]["columns"])
    assert list(kinds) == [*documented, *names, "_exported_at"]
    assert len(set(kinds)) == len(kinds) == len(documented) + len(names) + 1
    partition = manifest(lake, table)["partition"]
    # The folders of a table are columns too, for who reads them so.
    taken = {*documented, "_exported_at", *([f"{partition['column']}_{partition['by']}"] if partition else [])}
    for field in found:
        one = listed[field["key"]]
        assert (field["name"], field["multiple"]) == (one.name, one.multiple)
        assert [kinds[name] for name in field["columns"]] == [kind for _, kind, _ in one.columns], one.name
        assert field["columns"] == fields.named(one, taken), one.name
        taken.update(field["columns"])


@pytest.mark.parametrize("table", ALL)
def test_every_value_is_the_vendors(exported, table, spark):
    """Each cell of each custom field equals what the vendor's items mean, for DuckDB over all files and the view, and for Spark."""
    lake, account, outcome = exported
    wanted = account.rows(table, by_key(lake, table))
    empty = [name for name in types_of(lake, table) if name != "id" and all(row[name] is None for row in wanted.values())]
    assert not empty, f"null in every row: {empty}"
    assert_rows(lake, table, wanted, spark)
    told = outcome.table(f"ploomes.{table}")
    assert (told["bad_cells"], told["rejected_records"]) == (0, 0)


@pytest.mark.parametrize("table", ALL)
def test_files_say_whose_a_column_is(exported, table):
    """Key, name and type of the field stand in the metadata of its columns, and of no other."""
    lake, _, _ = exported
    of = {name: field for field in fields_of(lake, table) for name in field["columns"]}
    files = rules.files(lake, f"ploomes.{table}")
    assert files
    for file in files:
        for column in pq.read_schema(file):
            metadata = {name.decode(): value.decode() for name, value in (column.metadata or {}).items()}
            kept = {name: metadata[f"field_{name}"] for name in ("key", "name", "type") if f"field_{name}" in metadata}
            field = of.get(column.name)
            assert kept == ({name: field[name] for name in ("key", "name", "type")} if field else {}), column.name


def test_the_list_is_all_exported(exported):
    """`fields list` tells every field as exported, `fields diff` none; a second run reads on and changes nothing."""
    lake, account, _ = exported
    folder, config = lake.parent, fields.configured(lake.parent)
    listed = [field for field in told(folder, account.sandbox, config, "list", "ploomes") if field["table"] in ALL]
    assert {field["state"] for field in listed} == {"exported"}
    assert {(field["table"], field["key"], *field["columns"]) for field in listed} == {
        (table, field["key"], *field["columns"]) for table in ALL for field in fields_of(lake, table)
    }
    assert told(folder, account.sandbox, config, "diff", "ploomes", "--tables", CHOSEN) == []
    again = refreshing.export(folder, account.sandbox, config, "--tables", CHOSEN)
    assert set(again.statuses().values()) == {"unchanged"}
    assert "fields sync" not in again.err


def test_a_folder_of_a_partition_hides_no_field(exported):
    """Read with its partitions, a table has the columns of the manifest, and those of the folders behind them."""
    lake, _, _ = exported
    for table in ALL:
        schema, partition = manifest(lake, table)["schema"]["columns"], manifest(lake, table)["partition"]
        glob = f"{rules.folder(lake, f'ploomes.{table}')}/**/part-[1-9]*.parquet"
        found = [row[0] for row in rules.query(f"DESCRIBE SELECT * FROM read_parquet('{glob}', hive_partitioning = true)")]
        folders = [f"{partition['column']}_{partition['by']}"] if partition else []
        assert found == [*(column["name"] for column in schema), *folders], table


# Places of fields that change: those of names.rs in the sandbox.
NICKNAME, REGION, CHANNELS, EMPLOYEES, FREIGHT, WHATSAPP, NUMBER, OTHER_REGION = 0, 2, 3, 5, 7, 8, 16, 19


def changed(sandbox, table: str) -> dict[str, str]:
    """Changes fields of a table in every way; what each is then to be called, by key."""
    entity = int(TABLES[table])

    def change(action, place, **how):
        return sandbox.fields(action=action, entity=entity, field=place, **how)["Key"]

    change("rename_option", REGION, option=0, name="Região Sul, inteira")
    change("rename_option", CHANNELS, option=1, name="Nordeste")
    states = {change("rename", NICKNAME, name="Alcunha"): "renamed", change("remove", EMPLOYEES): "gone"}
    for place, kind in ((FREIGHT, "string"), (WHATSAPP, "users"), (NUMBER, "option"), (OTHER_REGION, "integer")):
        states[change("retype", place, type=kind)] = "retyped"
    for name, kind in (("Região", "option"), ("Código único", "integer"), ("Title", "date_time")):
        states[sandbox.fields(action="add", entity=entity, name=name, type=kind)["Key"]] = "new"
    return states


def touched(account: Account, table: str, seed: int) -> None:
    """Changes some rows of a table and puts one in."""
    ids = sorted(account.records(table), key=int)
    for key in ids[seed :: len(ids) // 4]:
        account.sandbox.post("change", table=f"ploomes.{table}", what="update", id=key)
    account.sandbox.post("change", table=f"ploomes.{table}", what="insert")


def test_fields_change(tmp_path, spark):
    """Fields are added, renamed, removed, re-typed, options renamed: what a refresh makes of it before `fields sync`, and after."""
    lake, config = tmp_path / "lake", fields.configured(tmp_path)
    chosen = ("--tables", ",".join(TABLES))
    with program.Sandbox("--rows", 160, "--seed", 7, "--custom-fields", EACH) as sandbox:
        account = Account(sandbox)
        refreshing.export(tmp_path, sandbox, config, *chosen)
        before = {table: manifest(lake, table) for table in TABLES}
        wanted = {table: account.rows(table, by_key(lake, table)) for table in TABLES}

        # Before they are synchronised: the same columns, and in rows that are read again what the vendor still gives for them.
        states = {table: changed(sandbox, table) for table in TABLES}
        assert_rows(lake, "deals", wanted["deals"])
        for number, table in enumerate(TABLES):
            touched(account, table, number)
        diff = told(tmp_path, sandbox, config, "diff", "ploomes", *chosen)
        assert {table: {field["key"]: field["state"] for field in diff if field["table"] == table} for table in TABLES} == states
        outcome = refreshing.export(tmp_path, sandbox, config, *chosen)
        assert "fields sync" in outcome.err
        for table in TABLES:
            assert manifest(lake, table)["schema"] == before[table]["schema"], table
            live = {key: names for key, names in by_key(lake, table).items() if states[table].get(key) not in ("gone", "retyped")}
            now, again = account.rows(table, live), account.read_since(table, before[table]["savepoint"])
            assert 5 <= len(again) < len(now), f"{table}: {len(again)} of {len(now)} rows are read again"
            wanted[table] = {key: now[key] if key in again else wanted[table][key] for key in now}
            assert_rows(lake, table, wanted[table], spark)

        # Synchronised: new columns behind the others, null until the next export has read the table whole.
        files = refreshing.written(lake)
        synchronise(tmp_path, sandbox, config, *chosen)
        assert refreshing.written(lake) == files
        for table in TABLES:
            old, new = before[table]["schema"], manifest(lake, table)["schema"]
            kept = len(old["columns"]) - 1
            assert [(column["name"], column["type"]) for column in new["columns"][:kept]] == [
                (column["name"], column["type"]) for column in old["columns"][:kept]
            ]
            assert [field["columns"] for field in new["fields"][:EACH]] == [field["columns"] for field in old["fields"]]
            grown = {field["key"]: field for field in new["fields"][EACH:]}
            listed = account.fields(table)
            assert grown.keys() == {key for key, state in states[table].items() if state in ("new", "retyped")}
            kinds = {column["name"]: column["type"] for column in new["columns"]}
            for key, field in grown.items():
                assert [kinds[name] for name in field["columns"]] == [kind for _, kind, _ in listed[key].columns], field
            assert len(kinds) == len(new["columns"]), "names are unique"
        diff = told(tmp_path, sandbox, config, "diff", "ploomes", *chosen)
        assert {field["state"] for field in diff} == {"gone"}
        assert {(field["table"], field["key"]) for field in diff} == {
            (table, key) for table in TABLES for key, state in states[table].items() if state in ("gone", "retyped")
        }

        # The next export reads whole, once.
        outcome = refreshing.export(tmp_path, sandbox, config, *chosen)
        assert "fields sync" not in outcome.err
        for table in TABLES:
            wanted[table] = account.rows(table, living(lake, account, table))
            assert_rows(lake, table, wanted[table], spark)
        again = refreshing.export(tmp_path, sandbox, config, *chosen)
        assert set(again.statuses().values()) == {"unchanged"}
        assert all(again.table(f"ploomes.{table}")["requests"] <= outcome.table(f"ploomes.{table}")["requests"] for table in TABLES)

        # A column that no row has a value for: only files of rows that changed have it.
        for table in TABLES:
            key = sandbox.fields(action="add", entity=int(TABLES[table]), name="Efêmero", type="string")["Key"]
            synchronise(tmp_path, sandbox, config, "--tables", table)
            sandbox.fields(action="remove", entity=int(TABLES[table]), field=key)
            touched(account, table, 1)
        refreshing.export(tmp_path, sandbox, config, *chosen)
        mixed = set()
        for table in TABLES:
            forms = {tuple(pq.read_schema(file).names) for file in rules.files(lake, f"ploomes.{table}")}
            mixed |= {table} if len(forms) > 1 else set()
            assert_rows(lake, table, account.rows(table, living(lake, account, table)), spark)
        assert mixed, "old files and new ones lie side by side in no table"
        rules.assert_sound(lake)
        refreshing.assert_clean(tmp_path, lake)


def living(lake, account: Account, table: str) -> dict[str, list[str]]:
    """The columns of the fields that the vendor still has, of the types that they are now: the last that a key has."""
    listed = account.fields(table)
    return {key: columns for key, columns in by_key(lake, table).items() if key in listed}


def test_refused_values_leave_the_table(tmp_path):
    """Where the vendor refuses the values, a table is exported without its custom fields, and it is said; once it gives them they can be added."""
    config, lake = fields.configured(tmp_path), tmp_path / "lake"
    chosen = ("--tables", ",".join(TABLES))
    with program.Sandbox("--rows", 30, "--refuse-custom-fields", "ploomes.deals,ploomes.orders=400") as sandbox:
        account = Account(sandbox)
        outcome = refreshing.export(tmp_path, sandbox, config, *chosen)
        assert set(outcome.statuses().values()) == {"committed"}
        assert {table: len(manifest(lake, table)["schema"].get("fields", [])) for table in TABLES} == {table: 4 * (table not in ("deals", "orders")) for table in TABLES}
        assert "OtherProperties" in outcome.err and "fields sync" in outcome.err
        for table in ("deals", "orders"):
            sandbox.fields(action="allow", table=f"ploomes.{table}")
        synchronise(tmp_path, sandbox, config, *chosen)
        refreshing.export(tmp_path, sandbox, config, *chosen)
        for table in TABLES:
            assert len(fields_of(lake, table)) == 4
            assert_rows(lake, table, account.rows(table, by_key(lake, table)))

        # Refused later, the table fails and stays as it is; others go on.
        before = refreshing.versions(lake)
        sandbox.fields(action="refuse", table="ploomes.deals")
        outcome = refreshing.export(tmp_path, sandbox, config, *chosen, expected=1)
        assert {table for table, status in outcome.statuses().items() if status == "failed"} == {"ploomes.deals"}
        assert refreshing.versions(lake) == before


def test_a_refused_list_is_said(tmp_path):
    """Without the list of fields the tables are exported as documented, and it is said; `fields list` fails and says why."""
    config, lake = fields.configured(tmp_path), tmp_path / "lake"
    with program.Sandbox("--rows", 30, "--refuse-custom-fields", "ploomes.fields") as sandbox:
        outcome = refreshing.export(tmp_path, sandbox, config, "--tables", "deals,contacts")
        assert set(outcome.statuses().values()) == {"committed"}
        assert "custom fields" in outcome.err
        for table in ("deals", "contacts"):
            assert manifest(lake, table)["schema"].get("fields", []) == []
        asked = program.run(["fields", "list", "ploomes", "--config", config, "--to", lake], cwd=tmp_path, env=sandbox.environment())
        assert asked.code != 0 and "403" in asked.err
        sandbox.fields(action="allow", table="ploomes.fields")
        states = {field["state"] for field in told(tmp_path, sandbox, config, "list", "ploomes", "--tables", "deals,contacts")}
        assert states == {"new"}
