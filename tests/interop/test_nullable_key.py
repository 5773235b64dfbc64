"""A column of a key that may be null from now on: files of before have it required, new ones not. Nothing of a lake that stands changes, and readers take the mix."""

import http.server
import json
import threading

import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import lake as rules
import program

SOURCE = """
title = "Acme"
description = "A."
base_url = "https://acme.example"
token_env = "ACME_TOKEN"
auth = { type = "header", name = "Key" }
records = ["value"]
pagination = { type = "offset", offset_param = "skip", size_param = "size", size = 4 }
rate_limit = { requests = 1000, per = "1s" }
"""
PASSAGES = """
title = "Passagens"
description = "Uma linha por passagem."
endpoint = "/passages"
primary_key = ["lead", "stage"]
%s
partition = { column = "kind", by = "value" }
[columns]
lead  = { type = "int", path = "lead", description = "Lead." }
stage = { type = "text", path = "stage", description = "Fase." }
kind  = { type = "text", path = "kind", description = "Tipo." }
note  = { type = "text", path = "note", description = "Nota." }
"""


class Vendor(http.server.ThreadingHTTPServer):
    """Gives `rows`, page by page."""

    rows: list

    def __init__(self):
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = dict(pair.split("=") for pair in self.path.partition("?")[2].split("&"))
                skip, size = int(query["skip"]), int(query["size"])
                body = json.dumps({"value": vendor.rows[skip : skip + size]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def vendor():
    server = Vendor()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def declared(folder, nullable: str):
    """A folder of declarations in which these columns of the key may be null."""
    schemas = folder / "schemas"
    (schemas / "acme").mkdir(parents=True, exist_ok=True)
    (schemas / "acme" / "source.toml").write_text(SOURCE)
    (schemas / "acme" / "passages.toml").write_text(PASSAGES % nullable)
    return schemas


def run(folder, vendor, *args) -> program.Outcome:
    env = program.environment(ACME_TOKEN="t", ACME_BASE_URL=f"http://127.0.0.1:{vendor.server_port}")
    outcome = program.start(args, cwd=folder, env=env).wait()
    assert outcome.code == 0, outcome.err
    return outcome


def test_files_that_require_a_key_and_files_that_do_not_are_one_table(tmp_path, vendor, spark):
    lake = tmp_path / "lake"
    vendor.rows = [{"lead": lead, "stage": "a", "kind": "ab"[lead % 2], "note": "old"} for lead in range(10)]
    schemas = declared(tmp_path, "")
    export = ("export", "acme", "--to", lake, "--schemas", schemas)
    run(tmp_path, vendor, *export)
    before = {file: pq.read_schema(file).field("stage").nullable for file in rules.files(lake, "acme.passages")}
    assert set(before.values()) == {False}

    # The declaration alone changes nothing.
    declared(tmp_path, 'nullable_key = ["stage"]')
    run(tmp_path, vendor, *export)
    assert rules.manifests(lake)["acme.passages"]["version"] == 1
    run(tmp_path, vendor, "verify", "--to", lake)

    vendor.rows += [{"lead": 1, "stage": None, "kind": "c", "note": "new"}, {"lead": 2, "kind": "c", "note": "new"}]
    run(tmp_path, vendor, *export)
    files = {file: pq.read_schema(file).field("stage").nullable for file in rules.files(lake, "acme.passages")}
    assert set(files.values()) == {False, True} and set(before) < set(files), "old files stay as they are"
    assert rules.manifests(lake)["acme.passages"]["nullable_key"] == ["stage"]
    run(tmp_path, vendor, "verify", "--to", lake)

    def assert_read_by_all(rows: int, nulls: int) -> None:
        folder = rules.folder(lake, "acme.passages")
        glob = f"{folder}/**/part-[1-9]*.parquet"
        assert rules.query(f"SELECT count(*), count(*) - count(stage) FROM read_parquet('{glob}', hive_partitioning = true)") == [(rows, nulls)]
        assert rules.query(f"SELECT count(*) FROM read_parquet('{glob}', hive_partitioning = true) WHERE stage IS NULL") == [(nulls,)]
        frame = pl.scan_parquet(glob, hive_partitioning=True)
        assert frame.select(pl.len(), pl.col("stage").null_count()).collect().row(0) == (rows, nulls)
        assert frame.filter(pl.col("stage").is_null()).collect().height == nulls
        # In either order of the files: the first one's schema is the dataset's.
        for order in (sorted, lambda names: sorted(names, reverse=True)):
            table = ds.dataset(order([str(file) for file in rules.files(lake, "acme.passages")])).to_table()
            assert (table.num_rows, table["stage"].null_count) == (rows, nulls)
        frame = spark.read.parquet(str(folder))
        assert (frame.count(), frame.where("stage IS NULL").count()) == (rows, nulls)

    assert_read_by_all(12, 2)

    # A row of an old file that changes is written anew, and what stands twice is one row.
    vendor.rows[0]["note"] = "changed"
    vendor.rows.append(dict(vendor.rows[-1]))
    run(tmp_path, vendor, *export)
    assert_read_by_all(12, 2)
    run(tmp_path, vendor, "compact", "--to", lake)
    run(tmp_path, vendor, "verify", "--to", lake)
    assert_read_by_all(12, 2)
    version = rules.manifests(lake)["acme.passages"]["version"]
    run(tmp_path, vendor, *export)
    assert rules.manifests(lake)["acme.passages"]["version"] == version, "nothing changed"
    assert run(tmp_path, vendor, "forget", "acme", "--to", lake, "--schemas", schemas, "--table", "passages", "--key", "1,null")
    assert_read_by_all(11, 1)
