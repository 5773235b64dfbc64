"""A Ploomes of a few records, each as a test wants it: what the sandbox makes of a seed cannot be chosen."""

import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOMENT = "2026-01-01T10:00:00Z"


class SmallPloomes:
    """Records by route, on a free port, until the `with` ends. `fields` is the list of custom fields."""

    def __init__(self, records: dict[str, list[dict]]):
        self.records, self.fields, self.turn = records, [], 0
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                body = json.dumps(vendor.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "SmallPloomes":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, target: str) -> dict:
        address = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(address.query))
        route = urllib.parse.unquote(address.path).strip("/")
        rows = list(self.fields if route == "Fields" else self.records.get(route, []))
        for bound in re.findall(r"Id gt (\d+)", query.get("$filter", "")):
            rows = [row for row in rows if row["Id"] > int(bound)]
        for bound in re.findall(r"LastUpdateDate ge ([^ )]+)", query.get("$filter", "")):
            rows = [row for row in rows if row.get("LastUpdateDate", MOMENT)[:19] >= bound[:19]]
        rows.sort(key=lambda row: (row.get("LastUpdateDate", "") if "LastUpdateDate" in query.get("$orderby", "") else "", row["Id"]))
        skip, top = int(query.get("$skip", 0)), int(query.get("$top", 300))
        return {"@odata.count": len(rows), "value": rows[skip : skip + top]}

    def change(self, route: str, identity: int, **members) -> None:
        """A record is edited, later than every one before."""
        self.turn += 1
        record = next(record for record in self.records[route] if record["Id"] == identity)
        record.update(members, LastUpdateDate=f"2026-02-01T10:{self.turn:02}:00Z")

    def remove(self, route: str, identity: int) -> None:
        """A record is deleted."""
        self.records[route] = [record for record in self.records[route] if record["Id"] != identity]


def account() -> dict[str, list[dict]]:
    """A company with two people, one of them with a document that is none; somebody on their own; a deal of each, and what was written of them."""

    def of(identity: int, **members) -> dict:
        return {"Id": identity, "LastUpdateDate": MOMENT} | members

    contacts = [
        of(1, TypeId=1, Name="Acme", LegalName=" ", Register="11.222.333/0001-81", Email="a@b.com", Key="K1", ZipCode=1310100, CityId=1),
        of(2, TypeId=2, Name="Bia Luz", Register="529.982.247-25", Email="bia@x.com", Key="K2", CompanyId=1),
        of(3, TypeId=2, Name="Ceu Reis", Register="123.456.789-00", Email="bruno@x.com", Key="K3", CompanyId=1),
        of(4, TypeId=2, Name="Davi Sol", Register=None, Email="beto@x.com", Key="K4"),
    ]
    parties = [(1, 2, 2), (4, 4, 2), (3, 3, 2), (1, 2, 1)]
    deals = [of(10 + at, Title=f"D{at}", ContactId=contact, PersonId=person, StatusId=status) for at, (contact, person, status) in enumerate(parties)]
    return {
        "Contacts": contacts,
        "Deals": deals,
        "Deals@Status": [of(1, Name="Aberto"), of(2, Name="Ganho")],
        "Cities": [of(1, Name="Campinas", StateId=1, CountryId=1)],
        "Cities@Countries": [of(1, Name="Brasil")],
        "Cities@Countries@States": [of(1, Name="São Paulo", Short="SP")],
        "Tasks": [of(20, Title="t", ContactId=3, DealId=12), of(21, Title="t", ContactId=4, DealId=11)],
        "InteractionRecords": [of(40, Title="", EmailSubject="subject", Content="about Bia", ContactId=2, DealId=10, Date=MOMENT)],
        "Documents": [of(30, Name="file", DocumentUrl="https://x.com/1", ContactId=2, Date=MOMENT)],
    }


def field(identity: int, key: str, name: str) -> dict:
    """A custom field of contacts, of text."""
    kind = {"Id": 1, "Name": "Texto", "NativeType": "String"}
    return {"Id": identity, "Key": key, "Name": name, "EntityId": 1, "Dynamic": True, "Type": kind, "TypeId": 1, "Multiple": False}
