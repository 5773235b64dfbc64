"""Personal data: what the configuration says is not to be told is told nowhere, and what is hashed still goes together."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lake as rules
import program
from proxy import Proxy
from spoil import spoil

KEY = "the key of these tests, which is long enough"

# Kinds whose values name a person wherever they stand.
SEARCHED = {"email", "phone", "document", "name"}

# Shorter ones occur by chance in anything: two digits of a number, a first name in a word.
LEAST = 6


@dataclass
class Exported:
    """One source of the sandbox, exported as it is (`clear`), and with spoiled values as it is (`keep`), hashed, and without its personal columns."""

    source: str
    lakes: dict[str, Path]
    outcomes: dict[str, program.Outcome]
    inventory: list[dict]
    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def rows(self, policy: str, sql: str):
        """What DuckDB answers; `{table}` is read from all its files."""
        folder = self.lakes[policy] / self.source

        class Tables(dict):
            def __missing__(self, table):
                return f"read_parquet('{folder}/{table}/**/part-[1-9]*.parquet', union_by_name = true)"

        return self.connection.execute(sql.format_map(Tables())).fetchall()


def configured(folder: Path, source: str, policy: str, more: str = "") -> Path:
    """A configuration with this policy for everything personal."""
    file = folder / f"{policy}.toml"
    file.write_text(
        f'[connections.{source}]\nsource = "{source}"\n'
        'rate_limit = { requests = 100000, per = "1s", in_flight = 4 }\n'
        f'[personal]\ndefault = "{policy}"\nkey = {{ env = "AFLUENTE_PERSONAL_KEY" }}\n{more}'
    )
    return file


@pytest.fixture(scope="module")
def people():
    with program.Sandbox("--rows", 150, "--seed", 3, "--custom-fields", 12) as running:
        yield running


def export(people, folder: Path, source: str, policy: str, *args, base: str | None = None, more: str = "", to: str | None = None):
    return program.run(
        ["-vv", "export", source, "--to", folder / (to or policy), "--config", configured(folder, source, policy, more), *args]
        + (["--base-url", base] if base else []),
        cwd=folder,
        env=people.environment(AFLUENTE_PERSONAL_KEY=KEY),
        report=folder / f"{policy}.json",
    )


@pytest.fixture(scope="module", params=program.SOURCES)
def exported(request, people, tmp_path_factory) -> Exported:
    """Through a proxy that spoils values and records, so that `_rejected/` is not empty."""
    source, folder = request.param, tmp_path_factory.mktemp(f"personal-{request.param}")
    outcomes = {"clear": export(people, folder, source, "keep", to="clear")}
    assert outcomes["clear"].code == 0, outcomes["clear"].err
    with Proxy(people.bases[source], change=spoil) as vendor:
        for policy in ("keep", "hash", "drop"):
            outcomes[policy] = export(people, folder, source, policy, "--max-rejected", "100%", base=vendor.base)
            assert outcomes[policy].code == 0, outcomes[policy].err
    listed = program.run(["tables", "--personal", source, "-o", "json"], cwd=folder)
    assert listed.code == 0, listed.err
    lakes = {policy: folder / policy for policy in outcomes}
    return Exported(source, lakes, outcomes, json.loads(listed.out))


def texts(file: Path):
    """Every text in a Parquet file, and what its footer says of them."""
    table = pq.read_table(file, partitioning=None)
    for name, column in zip(table.column_names, table.columns):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            yield from ((name, value) for value in column.to_pylist() if value)
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            yield from ((name, f"{value:.0f}") for value in column.to_pylist() if value and abs(value) < 1e18)
    groups = pq.read_metadata(file)
    for group in range(groups.num_row_groups):
        for at in range(groups.num_columns):
            found = groups.row_group(group).column(at)
            if found.statistics and found.statistics.has_min_max:
                yield found.path_in_schema, str(found.statistics.min)
                yield found.path_in_schema, str(found.statistics.max)


def clear_values(exported: Exported) -> dict[str, str]:
    """Values of the marked columns of the lake in which nothing is spoiled, with the first column of each."""
    found: dict[str, str] = {}
    for table, manifest in rules.manifests(exported.lakes["clear"]).items():
        marked = [c["name"] for c in manifest["schema"]["columns"] if c.get("personal") in SEARCHED]
        for file in rules.files(exported.lakes["clear"], table) if marked else ():
            for name, column in zip((read := pq.read_table(file, columns=marked, partitioning=None)).column_names, read.columns):
                for value in column.to_pylist():
                    text = f"{value:.0f}" if isinstance(value, float) else str(value or "")
                    if len(text) >= LEAST:
                        found.setdefault(text, f"{table}.{name}")
    return found


def words_in_clear(exported: Exported) -> set[str]:
    """Values that unmarked columns hold as well."""
    found = set()
    for table, manifest in rules.manifests(exported.lakes["clear"]).items():
        unmarked = [c["name"] for c in manifest["schema"]["columns"] if not c.get("personal") and c["arrow"] == "Utf8"]
        for file in rules.files(exported.lakes["clear"], table) if unmarked else ():
            for column in pq.read_table(file, columns=unmarked, partitioning=None).columns:
                found.update(value for value in column.to_pylist() if value)
    return found


@pytest.mark.parametrize("policy", ["hash", "drop"])
def test_no_value_of_a_person_is_anywhere(exported, policy):
    """Not in data, statistics, manifests, rejects, reports, views, nor in what was said."""
    values = clear_values(exported)
    also = words_in_clear(exported) & set(values)
    assert not also, f"unmarked columns hold {sorted(also)[:20]}"
    wanted = values
    assert len(wanted) > 50, "the account has nobody"
    lake, outcome = exported.lakes[policy], exported.outcomes[policy]
    haystacks = {"stderr": outcome.err, "stdout": outcome.out, "report": json.dumps(outcome.report, ensure_ascii=False)}
    assert "answer" in outcome.err, "-vv says nothing"
    for file in sorted(path for path in lake.rglob("*") if path.is_file()):
        place = str(file.relative_to(lake))
        if file.suffix == ".parquet":
            haystacks[place] = "\n".join(f"{value}" for _, value in texts(file))
        haystacks[f"bytes of {place}"] = f"{place}\n" + file.read_bytes().decode("utf-8", "replace")
    assert any("_rejected" in place for place in haystacks)
    # One pass for each text, not one for each value and text.
    leaks = []
    for place, text in haystacks.items():
        leaks += [f"{where} `{value}` in {place}" for value, where in wanted.items() if value in text]
    assert not leaks, f"{len(leaks)} of {len(wanted)} values:\n" + "\n".join(leaks[:20])


def test_what_is_left_out_takes_no_row_with_it(exported):
    """The same rows stand, and the same records are rejected, whatever becomes of the values."""
    rows = {
        policy: {f"{table['connection']}.{table['table']}": (table["rows"], table["rejected_records"]) for table in exported.outcomes[policy].report["tables"]}
        for policy in ("keep", "hash", "drop")
    }
    assert rows["drop"] == rows["keep"] and rows["hash"] == rows["keep"]


def test_the_search_would_find_them(exported):
    """In the clear lake all of them are found."""
    values = clear_values(exported)
    text = "\n".join(value for file in exported.lakes["clear"].rglob("*.parquet") for _, value in texts(file))
    assert all(value in text for value in values)


def test_manifests_and_files_tell_what_was_done(exported):
    for policy in ("hash", "drop"):
        seen, kinds, dropped = set(), set(), 0
        for table, manifest in rules.manifests(exported.lakes[policy]).items():
            dropped += len(manifest["schema"].get("dropped", []))
            for column in manifest["schema"]["columns"]:
                if column.get("personal"):
                    kinds.add(column["personal"])
                    seen.add((column.get("policy"), len(column.get("key_id", "")), column["type"]))
            file = rules.files(exported.lakes[policy], table)[0]
            for field_ in pq.read_schema(file):
                told = next(c for c in manifest["schema"]["columns"] if c["name"] == field_.name)
                metadata = field_.metadata or {}
                assert metadata.get(b"personal", b"").decode() == (told.get("personal") or ""), (table, field_.name)
                assert metadata.get(b"policy", b"").decode() == (told.get("policy") or ""), (table, field_.name)
        # Custom fields, which no declaration lists, are no exception.
        assert policy == "drop" or "custom" in kinds, kinds
        assert seen == ({("hash", 16, "text")} if policy == "hash" else set())
        assert dropped == (0 if policy == "hash" else dropped) and (policy == "hash") == (dropped == 0)


# Two columns of two tables that hold the same person.
JOINS = {
    "customerx": [("tickets", "attendant_email", "tickets", "attendant_email"), ("clients", "company_name", "clients", "trading_name")],
    "ploomes": [("users", "email", "interaction_records", "emailrecipients"), ("contacts", "email", "contacts", "email"), ("contacts", "name", "contacts", "legalname")],
    "nectarcrm": [("contatos", "email", "oportunidades", "cliente_email"), ("contatos", "responsavel_nome", "tarefas", "responsavel_nome"), ("contatos", "cnpj", "oportunidades", "cliente_cnpj")],
    "sensedata": [("customers", "cs__email", "users", "email"), ("customers", "csm__name", "users", "name")],
    "exactsales": [("leads", "sdr_email", "sdrs", "email"), ("tasks", "sdr_email", "leads", "sdr_email"), ("leads", "lead", "callshistory", "leadname")],
}


def test_joins_give_the_same_counts_as_in_clear(exported):
    most = 0
    for a, x, b, y in JOINS[exported.source]:
        sql = f"SELECT count(*), count(DISTINCT a.{x}) FROM {{{a}}} a JOIN {{{b}}} b ON a.{x} = b.{y} WHERE a.{x} <> ''"
        clear, hashed = exported.rows("keep", sql), exported.rows("hash", sql)
        assert clear == hashed, (a, x, b, y)
        most = max(most, clear[0][1])
    assert most > 1, "no join has rows"


def test_the_same_person_has_the_same_hash_in_every_table(exported):
    """Each marked column has as many different values as in clear, null where it was null, and the same value has one hash wherever it stands."""
    hashes: dict[str, str] = {}
    manifests = rules.manifests(exported.lakes["keep"])
    named = {line["table"] for line in exported.inventory}
    tables = sorted(table for table in named if f"{exported.source}.{table}" in manifests)
    # Some tables are exported only when they are named, or when the configuration asks for them.
    left_out = {table for table in named.difference(tables) if f"{exported.source}.{table}" not in program.EXPERIMENTAL}
    assert all(table.startswith("customerx_") for table in left_out), left_out
    for table in tables:
        manifest = manifests[f"{exported.source}.{table}"]
        key = manifest["primary_key"]
        columns = [line["column"] for line in exported.inventory if line["table"] == table]
        if not key:
            continue
        for column in columns:
            if next(c for c in manifest["schema"]["columns"] if c["name"] == column)["type"] != "text":
                continue
            sql = f'SELECT "{column}" FROM {{{table}}} ORDER BY {", ".join(key)}'
            pairs = zip(exported.rows("keep", sql), exported.rows("hash", sql), strict=True)
            for (clear,), (hashed,) in pairs:
                assert (clear is None) == (hashed is None) and (clear == "") == (hashed == ""), (table, column)
                if clear:
                    assert len(hashed) == 64 and hashes.setdefault(clear, hashed) == hashed, (table, column)
    assert len(hashes) > 100 and len(set(hashes.values())) == len(hashes)


def test_another_policy_or_key_reads_everything_again(people, tmp_path):
    """What was written in clear is gone, and the run says why it read it."""
    first = export(people, tmp_path, "sensedata", "keep", to="lake", more='[connections.sensedata.tables.customers]\nkeep_history = true\n')
    assert first.code == 0, first.err
    names = [row["name"] for file in rules.files(tmp_path / "lake", "sensedata.users") for row in pq.read_table(file).to_pylist()]
    history = '[connections.sensedata.tables.customers]\nkeep_history = true\n'
    second = export(people, tmp_path, "sensedata", "hash", to="lake", more=history)
    assert second.code == 0, second.err
    told = second.table("sensedata.customers")
    assert "`cnpj` was `keep` and is to be `hash`" in told["warning"] or "was `keep` and is to be `hash`" in told["warning"], told
    for file in (tmp_path / "lake").rglob("*.parquet"):
        text = "\n".join(value for _, value in texts(file))
        assert not [name for name in names if name and len(name) > LEAST and name in text], file
    rules.assert_sound(tmp_path / "lake")
    third = export(people, tmp_path, "sensedata", "hash", to="lake", more=history)
    assert third.code == 0 and not third.table("sensedata.customers").get("warning"), third.table("sensedata.customers")
    other = program.run(
        ["export", "sensedata", "--to", tmp_path / "lake", "--config", tmp_path / "hash.toml", "--tables", "users"],
        cwd=tmp_path,
        env=people.environment(AFLUENTE_PERSONAL_KEY="another key, which is long enough"),
        report=tmp_path / "other.json",
    )
    assert other.code == 0, other.err
    assert "hashed with another key" in other.table("sensedata.users")["warning"]


def test_a_person_is_forgotten(people, tmp_path):
    """With what is exploded from the row, its histories and what was rejected of it; no byte of the lake holds the name any more."""
    more = "".join(f"[connections.sensedata.tables.{table}]\nkeep_history = true\n" for table in ("contacts", "contacts__types"))
    more = "[lake]\nretention = \"30d\"\n" + more
    with Proxy(people.bases["sensedata"], change=spoil) as vendor:
        for _ in range(2):
            done = export(people, tmp_path, "sensedata", "keep", "--max-rejected", "100%", base=vendor.base, to="lake", more=more)
            assert done.code == 0, done.err
    lake = tmp_path / "lake"
    by_key = [row["key"] for row in rules.rejected(lake, "sensedata") if row["table"] == "contacts" and row["key"]]
    rows = {row["id"]: row for file in rules.files(lake, "sensedata.contacts") for row in pq.read_table(file).to_pylist()}
    person = next(rows[key] for key in by_key if key in rows and len(rows[key]["name"] or "") > LEAST and "@" in (rows[key]["email"] or ""))
    args = ["forget", "sensedata", "--table", "contacts", "--key", person["id"], "--to", lake, "-o", "json"]
    planned = program.run([*args, "--dry-run"], cwd=tmp_path)
    assert planned.code == 0, planned.err
    done = program.run(args, cwd=tmp_path)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert json.loads(planned.out)["rows"] == told["rows"]
    assert told["rows"]["contacts"] == 1 and told["rows"]["contacts_history"] == 1, told
    assert told["rejected"]["contacts"] == by_key.count(person["id"]), told
    assert "tasks.id_contact" in told["referred_by"] or told["referred_by"] == [], told
    rules.assert_sound(lake)
    checked = program.run(["verify", "--to", lake], cwd=tmp_path)
    assert checked.code == 0 and "0 faults, 0 warnings" in checked.err, checked.out + checked.err
    for file in (path for path in lake.rglob("*") if path.is_file()):
        assert person["email"].encode() not in file.read_bytes(), file
        if file.suffix == ".parquet":
            assert person["email"] not in "\n".join(value for _, value in texts(file)), file
            if file.parent.name == "contacts":
                assert person["id"] not in pq.read_table(file)["id"].to_pylist()
    again = program.run(args, cwd=tmp_path)
    assert again.code == 2 and "has that key" in again.err, again.err
