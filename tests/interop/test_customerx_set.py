"""The Ploomes → CustomerX set, row by row against a mapping written as SQL over the exported Ploomes tables, for each choice of client, contact, contract and key."""

import itertools
import json
import re
from collections import Counter

import duckdb
import pytest

import lake as rules
import program
import refreshing

PARTIES = ("deal", "organization", "person")
CONTRACTS = ("deal", "products")
KEYS = ("document", "external_code", "email")
SET = ("customerx_clients", "customerx_contacts", "customerx_contracts", "customerx_timeline")
INPUTS = (
    "cities cities_countries cities_states contacts deals deals_status documents interaction_records orders orders_products orders_stages products roles tasks".split()
)
# Further columns: of the table that the rows come from, of several types.
FURTHER = {"deals": ["title", "amount", "dealnumber"], "contacts": ["classid", "latitude", "emailmarketing"], "orders_products": ["quantity", "productid"]}


def documento(text: str | None) -> str | None:
    """A CPF or CNPJ without punctuation, if its check digits are right."""
    bare = re.sub(r"[\s!-/:-@\[-`{-~]", "", text or "").upper()
    if len(set(bare)) < 2:
        return None

    def check(upto: int, weights: list[int]) -> str:
        rest = sum((ord(char) - 48) * weight for char, weight in zip(bare[:upto], weights, strict=True)) % 11
        return "0" if rest < 2 else str(11 - rest)

    if re.fullmatch(r"[0-9]{11}", bare):
        right = check(9, [10, 9, 8, 7, 6, 5, 4, 3, 2]) + check(10, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
    elif re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", bare):
        right = check(12, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) + check(13, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
    else:
        return None
    return bare if bare.endswith(right) else None


class Choice:
    """What stands in the configuration, and what it means as SQL."""

    def __init__(self, client: str, contact: str, contract: str, key: str, deals: str, fields: dict[str, list[str]] = FURTHER):
        self.client, self.contact, self.contract, self.key, self.deals, self.fields = client, contact, contract, key, deals, fields

    def table(self, of: str) -> str:
        """The Ploomes table that rows come from."""
        if of == "contract":
            return {"deal": "deals", "products": "orders_products"}[self.contract]
        return "deals" if getattr(self, of) == "deal" else "contacts"

    def toml(self) -> str:
        lines = ["[connections.ploomes.customerx]"]
        lines += [f'{name} = "{getattr(self, name)}"' for name in ("client", "contact", "contract", "key", "deals")]
        lines += [f"{of}_fields = {json.dumps(self.fields[self.table(of)])}" for of in ("client", "contact", "contract")]
        return "\n".join(lines)

    def won(self, deal: str) -> str:
        return f"{deal}.statusid = '2'" if self.deals == "won" else "true"

    def identity(self, c: str) -> str:
        return {
            "document": f"documento({c}.register)",
            "external_code": f"nullif(trim({c}.key), '')",
            "email": f"nullif(trim({c}.email), '')",
        }[self.key]

    def client_of(self, deal: str, contact: str, person: str = "NULL") -> str:
        """The id of the client's row, for the ids that a row has."""

        def is_a(kind: str, identity: str) -> str:
            return f"(SELECT x.id FROM contacts x WHERE x.id = {identity} AND x.typeid = '{kind}')"

        if self.client == "deal":
            return f"(SELECT x.id FROM deals x WHERE x.id = {deal} AND {self.won('x')})"
        if self.client == "organization":
            company = f"(SELECT y.id FROM contacts x JOIN contacts y ON y.id = x.companyid WHERE x.id = {contact} AND y.typeid = '1')"
            return f"coalesce({is_a('1', contact)}, {company})"
        return f"coalesce({is_a('2', contact)}, {is_a('2', person)})"

    def identity_of(self, client: str) -> str:
        """What `customerx_clients` has for this id."""
        contact = f"(SELECT x.contactid FROM deals x WHERE x.id = {client})" if self.client == "deal" else client
        return f"(SELECT {self.identity('k')} FROM contacts k WHERE k.id = {contact})"

    def party(self, of: str) -> str:
        return {"organization": "c.typeid = '1'", "person": "c.typeid = '2'"}[getattr(self, of)]

    def further(self, of: str, alias: str) -> str:
        return "".join(f', {alias}."{name}"' for name in self.fields[self.table(of)])

    def clients(self) -> str:
        deal = self.client == "deal"
        row = "d" if deal else "c"
        source = f"deals d LEFT JOIN contacts c ON c.id = d.contactid" if deal else "contacts c"
        return f"""SELECT '{self.client}', {row}.id, {self.identity("c")}, {row}.id, coalesce(CASE WHEN trim(c.legalname) <> '' THEN c.legalname END, CASE WHEN trim(c.name) <> '' THEN c.name END), c.name, documento(c.register),
            CASE length(documento(c.register)) WHEN 11 THEN 'cpf' WHEN 14 THEN 'cnpj' END, c.email, c.website, c.facebook,
            CASE WHEN c.zipcode BETWEEN 1 AND 99999999 THEN right('0000000' || c.zipcode, 8) END, c.streetaddress, c.streetaddressnumber,
            c.streetaddressline2, c.neighborhood, ci.name, st.short, co.name, {row}.last_update_date {self.further("client", row)}
            FROM {source} LEFT JOIN cities ci ON ci.id = c.cityid LEFT JOIN cities_states st ON st.id = ci.stateid
            LEFT JOIN cities_countries co ON co.id = ci.countryid WHERE {self.won("d") if deal else self.party("client")}"""

    def contacts(self) -> str:
        if self.contact == "deal":
            source, row, which = "deals d LEFT JOIN contacts c ON c.id = d.personid", "d", f"d.personid IS NOT NULL AND {self.won('d')}"
            identity, client = "d.personid", self.client_of("d.id", "d.contactid", "d.personid")
        else:
            source, row, which = "contacts c", "c", self.party("contact")
            identity, client = "c.id", self.client_of("NULL", "c.id")
        return f"""SELECT '{self.contact}', {row}.id, {self.identity("c")}, {identity}, {client}, c.name, c.email, documento(c.register), r.name, c.note,
            {row}.last_update_date {self.further("contact", row)} FROM {source} LEFT JOIN roles r ON r.id = c.roleid WHERE {which}"""

    def contracts(self) -> str:
        if self.contract == "deal":
            client = self.client_of("d.id", "d.contactid", "d.personid")
            return f"""SELECT 'deal', d.id, {self.identity_of(client)}, d.id, {client}, d.title, s.name,
                NULL::TIMESTAMPTZ, d.amount, d.last_update_date {self.further("contract", "d")} FROM deals d
                LEFT JOIN deals_status s ON s.id = d.statusid WHERE {self.won("d")}"""
        client = self.client_of("o.dealid", "o.contactid", "o.personid")
        return f"""SELECT 'order_product', l.id, {self.identity_of(client)}, l.id, {client}, p.name, s.name, o.date,
            l.total, o.last_update_date {self.further("contract", "l")} FROM orders_products l LEFT JOIN orders o ON o.id = l.orderid
            LEFT JOIN products p ON p.id = l.productid LEFT JOIN orders_stages s ON s.id = o.stageid"""

    def timeline(self) -> str:
        def part(entity: str, table: str, title: str, body: str, user: str, at: str, person: str = "NULL") -> str:
            client = self.client_of("t.dealid", "t.contactid", person)
            return f"""SELECT '{entity}', t.id, {self.identity_of(client)}, t.id, {client}, 'client_note', {title}, {body},
                {user}, {at}, t.last_update_date FROM {table} t"""

        return " UNION ALL ".join(
            [
                part("interaction_record", "interaction_records", "CASE WHEN trim(t.title) <> '' THEN t.title WHEN trim(t.emailsubject) <> '' THEN t.emailsubject END", "t.content", "NULL::VARCHAR", "t.date"),
                part("task", "tasks", "t.title", "t.description", "NULL::VARCHAR", "NULL::TIMESTAMPTZ"),
                part("document", "documents", "t.name", "t.documenturl", "t.ownerid", "t.date", "t.personid"),
            ]
        )

    def rejected(self) -> str:
        """Table, key, column and raw text of every document that is none."""
        bad = "regexp_replace(c.register, '[^0-9A-Za-z]', '', 'g') <> '' AND documento(c.register) IS NULL"

        def part(table: str, of: str, entity: str, column: str, source: str, row: str, which: str = "true") -> str:
            return f"SELECT '{table}', '{entity},' || {row}.id, '{column}', c.register FROM {source} WHERE {bad} AND {which}"

        def of_client(client: str) -> str:
            """Whose register the identity is made of."""
            return f"JOIN contacts c ON c.id = " + (f"(SELECT x.contactid FROM deals x WHERE x.id = {client})" if self.client == "deal" else client)

        deals = "deals d JOIN contacts c ON c.id = d.contactid"
        parts = []
        if self.client == "deal":
            parts.append(part(SET[0], "client", "deal", "cnpj_cpf", deals, "d", self.won("d")))
        else:
            parts.append(part(SET[0], "client", self.client, "cnpj_cpf", "contacts c", "c", self.party("client")))
        if self.contact == "deal":
            parts.append(part(SET[1], "contact", "deal", "document", "deals d JOIN contacts c ON c.id = d.personid", "d", self.won("d")))
        else:
            parts.append(part(SET[1], "contact", self.contact, "document", "contacts c", "c", self.party("contact")))
        if self.key == "document":
            if self.contract == "deal":
                own = f"deals d {of_client(self.client_of('d.id', 'd.contactid', 'd.personid'))}"
                parts.append(part(SET[2], "contract", "deal", "identity", own, "d", self.won("d")))
            else:
                lines = f"orders_products l JOIN orders o ON o.id = l.orderid {of_client(self.client_of('o.dealid', 'o.contactid', 'o.personid'))}"
                parts.append(part(SET[2], "contract", "order_product", "identity", lines, "l"))
            for entity in ("interaction_record", "task", "document"):
                client = self.client_of("t.dealid", "t.contactid", "t.personid" if entity == "document" else "NULL")
                parts.append(part(SET[3], "timeline", entity, "identity", f"{entity}s t {of_client(client)}", "t"))
        return " UNION ALL ".join(parts)


def assert_mapped(lake, choice: Choice) -> dict[str, int]:
    """Every derived table is what the SQL makes of the Ploomes tables; its rows."""
    newest = rules.manifests(lake)
    rows = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in INPUTS:
            connection.execute(f"CREATE TABLE {table} AS FROM {refreshing.live(lake, f'ploomes.{table}', newest[f'ploomes.{table}'])}")
        registers = [text for (text,) in connection.execute("SELECT DISTINCT register FROM contacts WHERE register IS NOT NULL").fetchall()]
        connection.execute("CREATE TABLE verified (raw VARCHAR, bare VARCHAR)")
        connection.executemany("INSERT INTO verified VALUES (?, ?)", [(text, documento(text)) for text in registers])
        connection.execute("CREATE MACRO documento(text) AS (SELECT v.bare FROM verified v WHERE v.raw = text)")
        for table in SET:
            name = f"ploomes.{table}"
            found = f"SELECT * EXCLUDE (_exported_at) FROM {refreshing.live(lake, name, newest[name])}"
            expected = getattr(choice, table.removeprefix("customerx_"))()
            for these, those, what in ((found, expected, "only in the lake"), (expected, found, "only by the SQL")):
                excess = connection.execute(f"({these}) EXCEPT ALL ({those})").fetchmany(3)
                assert not excess, f"{table} of {vars(choice)}: {what}: {excess}"
            rows[table] = connection.execute(f"SELECT count(*) FROM ({expected})").fetchone()[0]
            assert rows[table] == newest[name]["rows"] > 0
        # A client that another table names is there.
        clients = f"SELECT external_id_client FROM {refreshing.live(lake, 'ploomes.customerx_clients', newest['ploomes.customerx_clients'])}"
        for table in SET[1:]:
            orphans = f"SELECT count(*) FROM {refreshing.live(lake, f'ploomes.{table}', newest[f'ploomes.{table}'])} WHERE external_id_client NOT IN ({clients})"
            assert connection.execute(orphans).fetchone() == (0,), table
        rejected = connection.execute(choice.rejected()).fetchall()
    told = [(row["table"], row["key"], row["column"], row["raw"]) for row in rules.rejected(lake, "ploomes") if row["table"] in SET]
    assert rejected and Counter(told) == Counter(rejected), vars(choice)
    return rows


def configured(folder, choice: Choice):
    return refreshing.configured(folder, sources=["ploomes"], tables=choice.toml())


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An account of its own, and its lake without the set."""
    folder = tmp_path_factory.mktemp("set")
    with program.Sandbox("--rows", 600, "--seed", 5, "--custom-fields", 20) as sandbox:
        refreshing.export(folder, sandbox, refreshing.configured(folder, sources=["ploomes"]))
        newest = rules.manifests(folder / "lake")
        assert not any("customerx" in table for table in newest), "the set is off unless it is configured"
        # Of the custom fields, a column of each type.
        fields = {}
        for table, further in FURTHER.items():
            schema = newest[f"ploomes.{table}"]["schema"]
            custom = {name for field in schema.get("fields", []) for name in field["columns"]}
            by_type = {column["type"]: column["name"] for column in schema["columns"] if column["name"] in custom}
            fields[table] = [*further, *by_type.values()]
        assert len(fields["deals"]) >= len(FURTHER["deals"]) + 4 and len(fields["contacts"]) >= len(FURTHER["contacts"]) + 4, fields
        yield folder, sandbox, fields


@pytest.mark.parametrize("client", PARTIES)
@pytest.mark.parametrize("contact", PARTIES)
def test_each_choice_against_sql(exported, client, contact):
    """The set alone is exported again for each choice: it asks the vendor nothing."""
    folder, sandbox, fields = exported
    for number, (contract, key) in enumerate(itertools.product(CONTRACTS, KEYS)):
        choice = Choice(client, contact, contract, key, "won" if number % 2 else "all", fields)
        told = refreshing.export(folder, sandbox, configured(folder, choice), "--tables", "customerx_*")
        assert set(told.statuses()) == {f"ploomes.{table}" for table in SET}
        assert all(table["requests"] == 0 for table in told.report["tables"])
        assert_mapped(folder / "lake", choice)
    rules.assert_sound(folder / "lake")


@pytest.mark.parametrize(
    "choice",
    [
        Choice("organization", "person", "products", "document", "won"),
        Choice("deal", "deal", "deal", "external_code", "won"),
        Choice("person", "organization", "products", "email", "all"),
    ],
    ids=lambda choice: choice.client,
)
def test_refreshed(tmp_path, choice):
    """An account that moves: after each refresh the set is what the SQL makes of the lake; a run after which nothing changed writes nothing; `check` counts as SQL does."""
    lake = tmp_path / "lake"
    config = configured(tmp_path, choice)
    with program.Sandbox("--rows", 300, "--seed", 9) as sandbox:
        checked = program.run(["check", "--config", config, "--to", lake], cwd=tmp_path, env=sandbox.environment())
        assert checked.code == 0 and checked.err.count("once the lake has") == len(SET), checked.err
        first = refreshing.export(tmp_path, sandbox, config)
        rows = assert_mapped(lake, choice)
        for number in range(3):
            versions = {table: rules.manifests(lake)[f"ploomes.{table}"]["version"] for table in SET}
            sandbox.post("churn", seed=40 + number, changes=60)
            told = refreshing.export(tmp_path, sandbox, config)
            rows = assert_mapped(lake, choice)
            for table in SET:
                told_of = told.table(f"ploomes.{table}")
                moved = told_of["version"] - versions[table]
                assert (told_of["status"], moved) in (("committed", 1), ("unchanged", 0)), told_of
                assert (told_of["rows_changed"] > 0) == (moved == 1) and told_of["rows_changed"] < told_of["rows"], told_of
        # The vendor's tables may still settle what lies within their lookback; the set follows, and then nothing moves.
        refreshing.export(tmp_path, sandbox, config)
        files, versions = refreshing.written(lake), refreshing.versions(lake)
        again = refreshing.export(tmp_path, sandbox, config)
        assert {again.table(f"ploomes.{table}")["status"] for table in SET} == {"unchanged"}
        assert all(again.table(f"ploomes.{table}")["rows_read"] == 0 for table in SET), "nothing is read where no input moved"
        assert refreshing.written(lake) == files and refreshing.versions(lake) == versions
        assert_mapped(lake, choice)
        # However it came about, it is what a whole export makes.
        refreshing.export(tmp_path, sandbox, config, "--full-refresh")
        assert_mapped(lake, choice)
        checked = program.run(["check", "--config", config, "--to", lake], cwd=tmp_path, env=sandbox.environment())
    assert checked.code == 0, checked.err
    newest = rules.manifests(lake)
    for table in SET:
        live = refreshing.live(lake, f"ploomes.{table}", newest[f"ploomes.{table}"])
        ((count, without, shared),) = rules.query(
            f"""SELECT count(*), count(*) FILTER (identity IS NULL), count(*) FILTER (identity IS NOT NULL AND held > 1)
            FROM (SELECT identity, count(*) OVER (PARTITION BY identity) held FROM {live})"""
        )
        line = next(line for line in checked.err.splitlines() if table in line)
        assert f"{count:,} row" in line and f"{without:,} without an identity" in line and f"{shared:,} sharing one" in line, (line, count, without, shared)
    rules.assert_sound(lake)
    refreshing.assert_clean(tmp_path, lake)


def test_other_tables_of_the_lake_know_it(tmp_path):
    """Views, status and compact take the set for what it is: tables."""
    choice = Choice("deal", "person", "deal", "email", "won")
    config = configured(tmp_path, choice)
    lake = tmp_path / "lake"
    with program.Sandbox("--rows", 200, "--seed", 3) as sandbox:
        for number in range(3):
            refreshing.export(tmp_path, sandbox, config)
            sandbox.post("churn", seed=number, changes=30)
        planned = program.run(["export", "--dry-run", "--config", config, "--to", lake], cwd=tmp_path, env=sandbox.environment())
        assert planned.code == 0 and planned.out.count("derived") == len(SET), planned.out
        compacted = program.run(["compact", "--to", lake], cwd=tmp_path)
        assert compacted.code == 0, compacted.err
        before = rules.manifests(lake)
        assert all(before[f"ploomes.{table}"]["derived_from"] for table in SET)
    connection = duckdb.connect()
    connection.execute((lake / "_views" / "duckdb.sql").read_text("utf-8"))
    for table in SET:
        assert connection.execute(f'SELECT count(*) FROM ploomes."{table}"').fetchone() == (before[f"ploomes.{table}"]["rows"],)
    status = program.run(["status", "--to", lake], cwd=tmp_path)
    assert all(table in status.out + status.err for table in SET)
