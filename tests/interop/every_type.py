"""A lake of every type with the values that readers stumble over, for the matrix of readers and for the lake of the release before.

    python every_type.py FOLDER [BINARY]      exports it into FOLDER/lake
"""

import json
import shutil
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import program
from small_ploomes import SmallPloomes

SOURCE = """
title       = "Corners"
description = "A vendor of corner cases."
base_url    = "https://api.corners.example"
token_env   = "CORNERS_TOKEN"
auth        = { type = "header", name = "X-Token" }
timezone    = "UTC"
records     = ["items"]
pagination  = { type = "page", page_param = "page" }
rate_limit  = { requests = 100000, per = "1s" }
"""
COLUMNS = """
id      = { type = "float", path = "id", description = "Key." }
number  = { type = "int", path = "number", description = "Whole number." }
amount  = { type = "float", path = "amount", description = "Number." }
active  = { type = "boolean", path = "active", description = "Yes or no." }
moment  = { type = "timestamp", path = "moment", description = "Moment." }
day     = { type = "date", path = "day", description = "Day." }
place   = { type = "text", path = "place", description = "It's a \\"place\\"; of `any` name, 日本 too." }
"""
TABLE = 'title = "{name}"\ndescription = "One row per case."\nendpoint = "/cases"\nprimary_key = ["id"]\n'
TABLES = {
    "plain": TABLE.format(name="plain") + "[columns]" + COLUMNS,
    "years": TABLE.format(name="years") + 'partition = { column = "moment", by = "year" }\n[columns]' + COLUMNS,
    "days": TABLE.format(name="days") + 'partition = { column = "day", by = "day" }\n[columns]' + COLUMNS,
    "places": TABLE.format(name="places") + 'partition = { column = "place", by = "value" }\n[columns]' + COLUMNS,
    "nothing": TABLE.format(name="nothing").replace("/cases", "/none") + "[columns]" + COLUMNS,
    "nowhere": TABLE.format(name="nowhere").replace("/cases", "/none")
    + 'partition = { column = "moment", by = "month" }\n[columns]'
    + COLUMNS,
    "plain__people": 'title = "people"\ndescription = "One row per person."\nexplode = { table = "plain", path = "people" }\n[columns]\n'
    'case_id = { type = "float", parent = "id", description = "The case." }\n'
    'name    = { type = "text", path = "name", description = "Name." }\n',
}
# Texts that mean something in a path, a pattern, a URL or SQL.
PLACES = [
    *("São Paulo", "a b", "a/b", "a=b", "100%", "it's", 'a "b"', "a`b", "[a]", "{a,b}", "a*", "a?", "a:b", "a\\b", "a#b", "a&b", "a+b", "日本", "💧"),
    *("..", ".a", "_a", "${env:HOME}", "null", "2026", "007", "x;y", "-- x", "~", "a\nb", "a\tb", "%41", ""),
    None,
]
MOMENTS = [
    *("2026-03-07T12:34:56.789012Z", "0024-05-01T03:06:28Z", "1899-12-30T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1582-10-10T00:00:00Z"),
    *("1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2018-11-04T03:00:00Z", None),
]
NUMBERS = [0, 1, -1, 2**53, -(2**53), 2**63 - 1, -(2**63), None]
AMOUNTS = [0.0, -0.0, 1.5, -1.5, 1e308, 5e-324, 0.1, 123456.789, None]


def cases() -> list[dict]:
    """The records: every value of each list in some row, and rows of nulls alone."""
    rows = []
    for n in range(3 * len(PLACES)):
        moment = MOMENTS[n % len(MOMENTS)]
        rows.append(
            {
                "id": n + 1,
                "number": NUMBERS[n % len(NUMBERS)],
                "amount": AMOUNTS[n % len(AMOUNTS)],
                "active": [True, False, None][n % 3],
                "moment": moment,
                "day": moment and moment[:10],
                "place": PLACES[n % len(PLACES)],
                "people": [{"name": f"person {n}-{m}"} for m in range(n % 3)],
            }
        )
    rows.append({"id": len(rows) + 1})
    return rows


def fields() -> list[dict]:
    """Custom fields whose names mean something in SQL, and one of each kind of value."""

    def field(number: int, name: str, native: str) -> dict:
        kind = {"Name": native, "NativeType": native}
        return {"Id": number, "Key": f"deal_{number}", "Name": name, "EntityId": 2, "Dynamic": True, "Multiple": False, "Type": kind}

    names = {"Preço (R$) 100%": "Decimal", "It's \"quoted\", `too`": "String", "Número; --": "Integer", "2º dia {a}": "DateTime", "Sim/Não": "Bool"}
    return [field(number, name, native) for number, (name, native) in enumerate(names.items(), 1)]


def deals() -> list[dict]:
    """Deals with values of the custom fields, and one without any."""

    def items(n: int) -> list[dict]:
        values = {"DecimalValue": n - 0.5, "StringValue": f"it's {n}", "IntegerValue": n, "DateTimeValue": MOMENTS[n], "BoolValue": n % 2 == 0}
        return [{"FieldKey": f"deal_{number}", member: value} for number, (member, value) in enumerate(values.items(), 1)]

    common = {"LastUpdateDate": "2026-01-02T03:04:05-03:00", "CreateDate": "1899-12-30T00:00:00-03:00"}
    return [common | {"Id": n, "Title": f"deal {n}", "Amount": n / 4, "OtherProperties": items(n) if n else []} for n in range(6)]


class Corners:
    """The vendor, on a free port, until the `with` ends."""

    def __enter__(self) -> "Corners":
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                address = urllib.parse.urlsplit(self.path)
                first = urllib.parse.parse_qs(address.query).get("page", ["1"]) == ["1"]
                body = json.dumps({"items": cases() if first and address.path == "/cases" else []}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


def export(folder: Path, binary: Path | None = None) -> Path:
    """Exports all of it into `lake` in this folder."""
    schemas = folder / "schemas"
    shutil.copytree(program.REPOSITORY / "schemas" / "ploomes", schemas / "ploomes")
    (schemas / "corners").mkdir()
    (schemas / "corners" / "source.toml").write_text(SOURCE, "utf-8")
    for name, text in TABLES.items():
        (schemas / "corners" / f"{name}.toml").write_text(text, "utf-8")
    ploomes = SmallPloomes({"Deals": deals()})
    ploomes.fields = fields()
    with Corners() as corners, ploomes:
        for source, base, tables in (("corners", corners.base, "*"), ("ploomes", ploomes.base, "deals")):
            outcome = program.run(
                ["export", source, "--schemas", schemas, "--to", folder / "lake", "--base-url", base, "--tables", tables],
                cwd=folder,
                env=program.environment(CORNERS_TOKEN="k3y-of-corners", PLOOMES_USER_KEY="k3y-of-ploomes"),
                program=binary or program.binary(),
            )
            assert outcome.code == 0, outcome.err
    return folder / "lake"


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None)
