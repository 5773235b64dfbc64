"""What the Ploomes → CustomerX set does with records, and with choices of `[personal]`, that no sandbox has: a vendor of a few records, changed by hand."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

import lake as rules
import program
import refreshing
from small_ploomes import SmallPloomes, account, field

TABLES = "cities* contacts deals deals_status documents interaction_records orders orders_products orders_stages products roles tasks".split()
USUAL = {"client": "organization", "contact": "person", "contract": "deal", "key": "document"}
SET = ("customerx_clients", "customerx_contacts", "customerx_contracts", "customerx_timeline")
KEPT = "".join(f"[connections.ploomes.tables.{table}]\nkeep_history = true\n" for table in ("contacts", *SET))
HASH = 'key = { env = "AFLUENTE_PERSONAL_KEY" }\n'


class Place:
    """A folder with a lake, and the program at work on it."""

    def __init__(self, folder, vendor: SmallPloomes):
        self.folder, self.vendor, self.lake = folder, vendor, folder / "lake"

    def run(self, verb: str, *args, personal: str = "", report=None, **block):
        """`personal`: what stands in `[personal]` and below."""
        block = USUAL | block
        lines = [f'[connections.ploomes]\nsource = "ploomes"\nbase_url = "{self.vendor.base}"\ntoken = {{ env = "SMALL_KEY" }}']
        lines += [f"include = {json.dumps(TABLES)}", 'rate_limit = { requests = 100000, per = "1s", in_flight = 4 }', "[connections.ploomes.customerx]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in block.items()]
        lines += [f"[personal]\n{personal}"] if personal else []
        config = self.folder / "afluente.toml"
        config.write_text("\n".join(lines) + "\n")
        env = program.environment(SMALL_KEY="small token", AFLUENTE_PERSONAL_KEY="0123456789abcdef" * 4)
        return program.run([verb, *args, "--config", config, "--to", self.lake], cwd=self.folder, env=env, report=report)

    def export(self, *args, code: int = 0, **choices):
        """An export; the set's tables by name, as the report tells of them."""
        outcome = self.run("export", *args, report=self.folder / "report.json", **choices)
        assert outcome.code == code, outcome.err
        return {table: outcome.table(f"ploomes.{table}") for table in SET}

    def checked(self, code: int = 0, **choices) -> str:
        outcome = self.run("check", **choices)
        assert outcome.code == code, outcome.err
        return outcome.err

    def rows(self, table: str, *columns: str) -> dict[str, tuple]:
        """Columns of a table, by the id of the record that a row came from."""
        live = refreshing.live(self.lake, f"ploomes.{table}", rules.manifests(self.lake)[f"ploomes.{table}"])
        return {row[0]: row[1:] for row in rules.query(f"SELECT ploomes_id, {', '.join(columns)} FROM {live}")}

    def rejected(self, table: str) -> list[tuple]:
        return sorted((row["key"], row["column"], row["raw"]) for row in rules.rejected(self.lake, "ploomes") if row["table"] == table)

    def holding(self, *texts: str) -> set[str]:
        """Tables with a data file, or a file of rejects, that holds one of these texts."""
        files = [file for file in self.lake.rglob("*.parquet") if any(text in str(pq.ParquetFile(file).read().to_pylist()) for text in texts)]
        return {file.relative_to(self.lake / "ploomes").parts[0] for file in files}


@pytest.fixture
def place(tmp_path):
    with SmallPloomes(account()) as vendor:
        yield Place(tmp_path, vendor)


def test_an_identity_is_its_clients(place):
    """A deal of a person has the identity of the company that is the client, and a row without a client has none."""
    place.export()
    company = "11222333000181"
    assert place.rows("customerx_contracts", "external_id_client", "identity") == {"10": ("1", company), "11": (None, None), "12": ("1", company)}
    assert place.rows("customerx_contacts", "external_id_client", "identity")["2"] == ("1", "52998224725"), "a contact's identity is its own"
    place.export(client="person")
    assert place.rows("customerx_contracts", "external_id_client", "identity") == {"10": ("2", "52998224725"), "11": ("4", None), "12": ("3", None)}
    assert place.rejected("customerx_contracts") == [("deal,12", "identity", "123.456.789-00")]
    place.export(client="deal")
    timeline = place.rows("customerx_timeline", "external_id_client", "identity")
    assert timeline == {"20": ("12", None), "21": ("11", None), "30": (None, None), "40": ("10", company)}
    clients = {row: identity for row, (identity,) in place.rows("customerx_clients", "identity").items()}
    for table in ("customerx_contracts", "customerx_timeline"):
        assert all(identity == clients.get(client) for client, identity in place.rows(table, "external_id_client", "identity").values()), table


def test_blank_text_is_none(place):
    place.export()
    assert place.rows("customerx_clients", "company_name")["1"] == ("Acme",)
    titles = {title for (title,) in place.rows("customerx_timeline", "title").values()}
    assert titles == {"subject", "t", "file"}


def test_documents_that_are_none_are_told_as_they_are(place):
    """The rows do not change with them: null they were, and null they stay."""
    choice = {"client": "deal", "contact": "deal"}
    place.export(**choice)
    bad = ("deal,12", "cnpj_cpf", "123.456.789-00")
    assert place.rejected("customerx_clients") == [bad]
    place.vendor.change("Contacts", 4, Register="999.999.999-01")
    told = place.export(**choice)["customerx_clients"]
    assert (told["status"], told["bad_cells"]) == ("unchanged", 2)
    assert place.rejected("customerx_clients") == [("deal,11", "cnpj_cpf", "999.999.999-01"), bad]
    place.vendor.change("Contacts", 4, Register="111.222.333-44")
    place.export(**choice)
    assert place.rejected("customerx_clients") == [("deal,11", "cnpj_cpf", "111.222.333-44"), bad]
    # Nothing moved: what was told stays told.
    assert place.export(**choice)["customerx_clients"]["rows_read"] == 0
    assert len(place.rejected("customerx_clients")) == 2
    forgotten = place.run("forget", "ploomes", "--table", "contacts", "--key", "3")
    assert forgotten.code == 0, forgotten.err
    place.vendor.remove("Contacts", 3)
    place.export(**choice)
    assert place.holding("123.456.789-00") == set()
    place.export(personal='kinds = { document = "null" }', **choice, key="external_code")
    assert place.holding("111.222.333-44") == set()


def test_a_history_begins_anew_where_persons_are_protected(place):
    """In every derived table, whether the column is one of Ploomes' or made of several."""
    names = ("Bia Luz", "bia@x.com", "529.982.247-25", "52998224725", "about Bia")
    place.export(key="external_code", personal=KEPT)
    assert {"customerx_contacts_history", "customerx_timeline_history"} <= place.holding(*names)
    kinds = 'name = "mask", email = "hash", document = "null"'
    personal = HASH + f"kinds = {{ {kinds} }}\n" + KEPT
    place.export(key="external_code", personal=personal)
    assert "customerx_contacts_history" not in place.holding(*names[:-1])
    manifest = rules.manifests(place.lake)["ploomes.customerx_contacts"]
    policies = {column["name"]: (column.get("policy"), "key_id" in column) for column in manifest["schema"]["columns"]}
    assert policies["email"] == ("hash", True) and policies["name"] == ("mask", False) and policies["document"] == ("null", False), policies
    assert policies["identity"] == policies["ploomes_id"] == (None, False), policies
    # `body` is made of texts and of links: what became of the one alone is a change as well.
    place.export(key="external_code", personal=HASH + f'kinds = {{ {kinds}, free_text = "null" }}\n' + KEPT)
    assert place.holding(*names) == set()
    told = place.export(key="external_code", personal=HASH + f'kinds = {{ {kinds}, free_text = "null" }}\n' + KEPT)
    assert {table["status"] for table in told.values()} == {"unchanged"}
    rules.assert_sound(place.lake)


def test_forgetting_ends_the_derived_histories(place):
    config = {"personal": f'default = "keep"\n{KEPT}'}
    place.export(**config)
    held = {"customerx_contacts", "customerx_contacts_history"}
    assert held <= place.holding("Bia Luz")
    dry = place.run("forget", "ploomes", "--table", "contacts", "--key", "2", "--dry-run", "-o", "json", **config)
    assert held <= place.holding("Bia Luz")
    done = place.run("forget", "ploomes", "--table", "contacts", "--key", "2", "-o", "json", **config)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["rows"] == json.loads(dry.out)["rows"] and told["rows"]["customerx_contacts_history"] == 3, told
    assert place.holding("Bia Luz") == {"customerx_contacts"}, "until the next export"
    assert place.run("verify").code == 0
    place.vendor.remove("Contacts", 2)
    place.export(**config)
    assert place.holding("Bia Luz", "529.982.247-25", "52998224725") == set()
    assert place.rows("customerx_contacts_history", "name") == place.rows("customerx_contacts", "name") and place.rows("customerx_contacts", "name")
    rules.assert_sound(place.lake)


@pytest.mark.parametrize("policy", ["null", "mask", "hash", "drop"])
def test_each_policy_for_everything_but_the_key(place, policy):
    """Tables are derived, and hold nothing of it; a second run finds nothing to do."""
    personal = HASH + f'default = "{policy}"\ntables = {{ "contacts.key" = "keep" }}\n'
    place.export(personal=personal, key="external_code")
    assert place.holding("Bia Luz", "529.982.247-25", "52998224725", "bia@x.com", "01310100", "1310100", "about Bia") == set()
    assert place.rows("customerx_clients", "identity", "document_type") == {"1": ("K1", None)}
    assert {table["status"] for table in place.export(personal=personal, key="external_code").values()} == {"unchanged"}


@pytest.mark.parametrize(
    ("rule", "key", "words"),
    [
        ('kinds = { email = "null" }', "email", "`contacts.email` in clear or hashed"),
        ('kinds = { email = "mask" }', "email", "`contacts.email` in clear or hashed"),
        ('kinds = { email = "drop" }', "email", "`contacts.email` in clear or hashed"),
        ('tables = { "contacts.key" = "null" }', "external_code", "`contacts.key` in clear or hashed"),
        ('kinds = { document = "hash" }', "document", "`contacts.register` in clear,"),
        ('tables = { "contacts.typeid" = "hash" }', "document", "chooses rows by `contacts.typeid`"),
        ('tables = { "contacts.id" = "hash" }', "document", "leads to `contacts.id`"),
    ],
)
def test_a_choice_that_leaves_no_identity_is_refused(place, rule, key, words):
    """By `check` before it is by the export, also where the lake is in clear; a choice that leaves hashes of the same kind is none."""
    place.export(key=key)
    checked = place.checked(code=1, personal=HASH + rule, key=key)
    assert words in checked, checked
    told = place.export(code=1, personal=HASH + rule, key=key)
    assert any(words in table.get("error", {}).get("message", "") for table in told.values()), told


def test_a_hashed_key_is_one(place):
    place.export(personal=HASH + 'kinds = { email = "hash" }', key="email")
    identities = [identity for (identity,) in place.rows("customerx_contacts", "identity").values()]
    assert len(set(identities)) == 3 and all(len(identity) == 64 for identity in identities)


def test_tables_that_begin_again_are_derived_from_again(place):
    place.export()
    shutil.rmtree(place.lake / "ploomes" / "contacts")
    place.vendor.records["Contacts"].append(dict(place.vendor.records["Contacts"][3], Id=5, Name="Nova"))
    assert place.export()["customerx_contacts"]["status"] == "committed"
    assert place.rows("customerx_contacts", "name")["5"] == ("Nova",)
    assert rules.manifests(place.lake)["ploomes.contacts"]["version"] == 1


def test_custom_fields_are_proven_before_the_first_run_and_beside_the_sets_own_names(place):
    place.vendor.fields = [field(7, "contact_a", "Site"), field(8, "contact_b", "Segmento")]
    for contact in place.vendor.records["Contacts"]:
        contact["Website"] = "https://own"
        contact["OtherProperties"] = [{"FieldKey": "contact_a", "StringValue": "theirs"}, {"FieldKey": "contact_b", "StringValue": "s"}]
    fields = {"client_fields": ["segmento", "site"]}
    assert "every column is there" in place.checked(**fields)
    assert "names `segment`" in place.checked(code=1, client_fields=["segment"])
    place.export(**fields)
    assert place.rows("customerx_clients", "segmento", "site", "site_2") == {"1": ("s", "https://own", "theirs")}
    assert "1 row" in place.checked(**fields)
