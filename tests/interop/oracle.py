"""What every cell of the lake must be, worked out from the vendor's JSON by the rules of schemas/README.md and nothing of the program's.

Cells are compared as DuckDB hands them out: text, int, float, bool, microseconds or days since 1970.
"""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from pagers import Api, Number, Object, compact, first_route, records

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
CLOCK = re.compile(r"[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:?\d\d|[+-]\d\d)?")
MISSING = object()


class Bad(Exception):
    """A value that its column cannot hold."""


@dataclass
class Rejected:
    """What must stand in `_rejected/`; the column is None where the record is left out whole."""

    table: str
    column: str | None
    value: object
    context: dict = field(default_factory=dict)


@dataclass
class Expected:
    """The rows a table must have, and what must have been rejected on the way."""

    rows: list[tuple] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Source:
    """One vendor: its declarations as plain TOML, and its API."""

    def __init__(self, schemas: Path, source: str, base: str, tokens: dict[str, str]):
        self.id = source
        self.decl = tomllib.loads((schemas / source / "source.toml").read_text("utf-8"))
        files = sorted(file for file in (schemas / source).glob("*.toml") if file.stem != "source")
        declared = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in files}
        # What is made of other tables is asked of no vendor.
        self.tables = {table: decl for table, decl in declared.items() if not decl.get("derived")}
        auth = self.decl["auth"]
        self.api = Api(base, auth["name"], auth.get("prefix", "") + tokens[self.decl["token_env"]])

    def expected(self) -> dict[str, Expected]:
        """Reads the whole account and tells what every table must hold."""
        found = {table: Expected() for table in self.tables}
        for table, decl in self.tables.items():
            if "explode" in decl:
                continue
            endpoints = decl["endpoint"] if isinstance(decl["endpoint"], list) else [decl["endpoint"]]
            route = endpoints[0] if len(endpoints) == 1 else first_route(self.api, endpoints)
            seen = set()
            for record in records(self.id, table, route, self.api):
                for element, around in unnested(record, decl.get("unnest")):
                    row = self.row(table, found, element, around=around)
                    name = self.name(table, element, around)
                    if row is None or name in seen:
                        continue
                    seen.add(name)
                    found[table].rows.append(row)
                    self.explode(table, found, record, row)
        return found

    def explode(self, parent: str, found, record: Object, row: tuple) -> None:
        columns = list(self.tables[parent]["columns"])
        for table, decl in self.tables.items():
            if decl.get("explode", {}).get("table") != parent:
                continue
            array = follow(record, decl["explode"]["path"].split("."))
            members = []
            if isinstance(array, Object):
                members = list(array.last.items())
            elif isinstance(array, list):
                members = [(None, element) for element in array if element is not None]
            elif array is not MISSING and array is not None and array != "":
                found[parent].rejected.append(Rejected(parent, decl["explode"]["path"], array))
            for member, element in members:
                child = self.row(table, found, element, parent=dict(zip(columns, row)), member=member)
                if child is not None:
                    found[table].rows.append(child)

    def row(self, table: str, found, record, **context) -> tuple | None:
        """A record's cells, or None where its key is not usable."""
        decl = self.tables[table]
        cells, bad = [], []
        for name, column in decl["columns"].items():
            value = find(column, record, **context)
            try:
                cells.append(value if "parent" in column else self.cell(column, value))
            except Bad:
                cells.append(None)
                bad.append(Rejected(table, name, value))
        key = decl.get("primary_key", ())
        null = [name for name in key if cells[list(decl["columns"]).index(name)] is None]
        # A null that the key allows is a value of it, as long as another member names the record; one that cannot be read is none.
        allowed = set(decl.get("nullable_key", ())) - {item.column for item in bad}
        if key and (len(null) == len(key) or not allowed.issuperset(null)):
            found[table].rejected.append(Rejected(table, None, record, context))
            return None
        found[table].rejected += bad
        return tuple(cells)

    def name(self, table: str, record, around) -> tuple:
        """The record's key as the vendor writes it: a record that comes twice, as pages that move make it, counts once."""
        columns = self.tables[table]["columns"]
        return tuple(text(find(columns[name], record, around=around)) for name in self.tables[table]["primary_key"])

    def cell(self, column: dict, value):
        """A value as its column must hold it."""
        kind, style = column["type"], column.get("format")
        if value is MISSING or value is None or value == "" and kind != "text":
            return None
        match kind:
            case "text":
                return text(value)
            case "int":
                return whole(value, style)
            case "float":
                return real(value, style)
            case "boolean":
                return boolean(value)
            case "timestamp" | "date":
                zone = ZoneInfo(column.get("zone") or self.decl.get("timezone", "UTC"))
                moment = Moment.read(value, style == "dmy")
                if moment.date_text in self.decl.get("no_date", ()):
                    return None
                return moment.days() if kind == "date" else moment.micros(zone, column.get("wall_clock", False))


def unnested(record, path: str | None):
    """The elements of the array at `path` with the record around them, or the record itself where it has none."""
    array = follow(record, path.split(".")) if path else None
    return [(element, record) for element in array] if isinstance(array, list) else [(record, None)]


def follow(value, names):
    """The value behind dotted names; MISSING where there is none."""
    for name in names:
        if not isinstance(value, Object) or name.lower() not in value.members:
            return MISSING
        value = value.get(name)
    return value


def find(column: dict, record, parent=None, member=None, around=None):
    """Where a column's value comes from: the parent's row, the member's name, or the first path that is there and not null."""
    if "parent" in column:
        return parent[column["parent"]]
    if column.get("member"):
        return member
    paths = column["path"] if isinstance(column["path"], list) else [column["path"]]
    null = MISSING
    for holder in [record] if around is None else [record, around]:
        for path in paths:
            if path == ".":
                value = holder if null is MISSING and holder is record else MISSING
            elif "[]." in path:
                value = through(holder, *path.split("[]."))
            else:
                value = follow(holder, path.split("."))
            if value is None or value == "" and column["type"] != "text":
                null = value if null is MISSING else null
            elif value is not MISSING:
                return value
    return null


def through(holder, before: str, after: str):
    """`a[].b`: the values behind each element as one text; MISSING where no element has one."""
    array = follow(holder, before.split("."))
    if not isinstance(array, list):
        return MISSING
    values = [follow(element, after.split(".")) for element in array]
    values = [text(value) for value in values if value is not MISSING and value is not None]
    return ",".join(values) if values else MISSING


def text(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(element, (list, Object)) for element in value):
        return ",".join(text(element) for element in value if element is not None)
    if isinstance(value, (list, Object)):
        return compact(value)
    return str(value)


def plain(value, style: str | None) -> str:
    """A number's text, after what the column's format takes beside plain numbers."""
    if style == "flag" and (isinstance(value, bool) or value in ("true", "false")):
        return "1" if value in (True, "true") else "0"
    if not isinstance(value, str):
        raise Bad("not a number")
    if not isinstance(value, Number):
        if style == "digits":
            value = re.sub(r"[./ -]", "", value)
            if not re.fullmatch("[0-9]+", value):
                raise Bad("not only digits")
        if style == "comma" and (parts := re.fullmatch(r"([+-]?\d{1,3}(?:\.\d{3})+|[+-]?\d+),(\d+)", value)):
            value = f"{parts[1].replace('.', '')}.{parts[2]}"
    if not NUMBER.fullmatch(value):
        raise Bad("not a number")
    return value


def whole(value, style) -> int:
    exact = Decimal(plain(value, style))
    if exact != exact.to_integral_value() or not -(2**63) <= exact < 2**63:
        raise Bad("not a whole number of 64 bits")
    return int(exact)


def real(value, style) -> float:
    digits = plain(value, style)
    if re.fullmatch(r"[+-]?\d+", digits) and abs(int(digits)) > 2**53:
        raise Bad("beyond 2^53")
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Bad("beyond a float")
    return number


def boolean(value) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Number):
        known = {"1": True, "0": False}
    else:
        known = {"true": True, "false": False}
    if not isinstance(value, str) or value not in known:
        raise Bad("neither true nor false")
    return known[value]


@dataclass
class Moment:
    """A date, with a time and an offset if they are written."""

    date_text: str
    hour: int = 0
    minute: int = 0
    second: int = 0
    fraction: str = ""
    offset: timedelta | None = None

    @classmethod
    def read(cls, value, dmy: bool) -> "Moment":
        if not isinstance(value, str) or isinstance(value, Number):
            raise Bad("not a text")
        day, rest = value[:10], value[10:]
        if dmy and (parts := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", day)):
            day = f"{parts[3]}-{parts[2]}-{parts[1]}"
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            raise Bad("not a date")
        if not rest:
            return cls(day)
        clock = CLOCK.fullmatch(rest)
        if not clock or int(clock[1]) > 23 or int(clock[2]) > 59 or int(clock[3]) > 60:
            raise Bad("not a time")
        return cls(day, int(clock[1]), int(clock[2]), int(clock[3]), clock[4] or "", offset_of(clock[5]))

    def days(self) -> int:
        if (self.hour, self.minute, self.second) != (0, 0, 0) or self.fraction.strip("0"):
            raise Bad("has a time of day")
        return (self.midnight().date() - date(1970, 1, 1)).days

    def micros(self, zone: ZoneInfo, wall_clock: bool) -> int:
        local = self.midnight() + timedelta(hours=self.hour, minutes=self.minute, seconds=self.second)
        ahead = self.offset if self.offset is not None and not wall_clock else local.replace(tzinfo=zone).utcoffset()
        since = local.replace(tzinfo=timezone.utc) - EPOCH - ahead
        # Seven digits and more are cut, not rounded.
        return since // timedelta(seconds=1) * 10**6 + int(self.fraction[:6].ljust(6, "0"))

    def midnight(self) -> datetime:
        try:
            return datetime.strptime(self.date_text, "%Y-%m-%d")
        except ValueError:
            raise Bad("no such day") from None


def offset_of(written: str | None) -> timedelta | None:
    if written is None:
        return None
    if written in "Zz":
        return timedelta(0)
    digits = written[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if written[0] == "-" else offset
