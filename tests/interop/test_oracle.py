"""The oracle itself, against cases written by hand: what checks the program must be right first."""

import pytest

from oracle import MISSING, Bad, Source, find
from pagers import parse

DECL = {"timezone": "America/Sao_Paulo", "no_date": ["0001-01-01"]}
DAY = 86_400 * 10**6

CASES = [
    ("text", {}, '"aç"', "aç"),
    ("text", {}, '""', ""),
    ("text", {}, "1.50", "1.50"),
    ("text", {}, "-0", "-0"),
    ("text", {}, "true", "true"),
    ("text", {}, '["a", 1.0, null, "b"]', "a,1.0,b"),
    ("text", {}, '{"b": 1.0, "a": ["ç\\n"]}', '{"b":1.0,"a":["ç\\n"]}'),
    ("text", {}, "null", None),
    ("int", {}, '"12.00"', 12),
    ("int", {}, "1.2e1", 12),
    ("int", {}, "1.5", Bad),
    ("int", {}, "9223372036854775808", Bad),
    ("int", {}, '""', None),
    ("int", {}, "true", Bad),
    ("float", {}, '"0.1"', 0.1),
    ("float", {}, "9007199254740992", 2.0**53),
    ("float", {}, "9007199254740993", Bad),
    ("float", {}, '"1.234,56"', Bad),
    ("float", {"format": "comma"}, '"1.234,56"', 1234.56),
    ("float", {"format": "digits"}, '"00.000.000/0001-91"', 191.0),
    ("float", {"format": "flag"}, "true", 1.0),
    ("float", {}, "{}", Bad),
    ("boolean", {}, "1", True),
    ("boolean", {}, '"false"', False),
    ("boolean", {}, '"1"', Bad),
    ("boolean", {}, "2", Bad),
    ("timestamp", {}, '"1970-01-02T00:00:00Z"', DAY),
    ("timestamp", {}, '"1970-01-01T21:00:00.1234567-0300"', DAY + 123_456),
    ("timestamp", {}, '"1970-01-01T21:00:00"', DAY),
    ("timestamp", {}, '"1970-01-02"', DAY + DAY // 8),
    ("timestamp", {"zone": "UTC"}, '"1970-01-02"', DAY),
    ("timestamp", {"wall_clock": True}, '"1970-01-01T21:00:00Z"', DAY),
    ("timestamp", {}, '"0001-01-01T00:00:00Z"', None),
    ("timestamp", {}, '"2026-02-30T00:00:00Z"', Bad),
    ("timestamp", {}, '"02/01/1970"', Bad),
    ("timestamp", {"format": "dmy", "zone": "UTC"}, '"02/01/1970"', DAY),
    ("timestamp", {}, "1767322445", Bad),
    ("date", {}, '"1970-01-02"', 1),
    ("date", {}, '"1970-01-02T00:00:00.000"', 1),
    ("date", {}, '"1970-01-02T00:00:01"', Bad),
]


@pytest.mark.parametrize("kind, options, json, expected", CASES)
def test_values_follow_the_table(kind, options, json, expected):
    """Section 4 of the design, case by case."""
    source = Source.__new__(Source)
    source.decl = DECL
    column = {"type": kind} | options
    if expected is Bad:
        with pytest.raises(Bad):
            source.cell(column, parse(json))
    else:
        assert source.cell(column, parse(json)) == expected


@pytest.mark.parametrize(
    "path, json, expected",
    [
        ("a.B", '{"A":{"b":"x"}}', "x"),
        (["a", "b"], '{"a":null,"b":"x"}', "x"),
        (["a", "b"], "{}", MISSING),
        ("a.b", '{"a":"x"}', MISSING),
        ("a[].b", '{"a":[{"b":"x"},{"b":null},{"b":["y",1]}]}', "x,y,1"),
        (["a[].b", "a"], '{"a":["x"]}', ["x"]),
        (["value", "."], '"x"', "x"),
        (["value", "."], '{"value":null}', None),
    ],
)
def test_paths_follow_the_table(path, json, expected):
    """Paths as schemas/README.md words them."""
    assert find({"type": "text", "path": path}, parse(json)) == expected
