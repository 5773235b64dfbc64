"""Puts values that vendors are known for, and worse, into the records of a page: the same ones whenever a record is read."""

import zlib

from pagers import Object, compact, parse

SECRET = "not-for-the-lake"

# One member in so many is spoiled.
RATE = 12

NASTY = [
    parse(text)
    for text in """
    1.5 1.50 -0 1e3 1E+2 12.00 -7 9007199254740992 9007199254740993 -9007199254740993 9007199254740993.5
    9223372036854775807 9223372036854775808 99999999999999999999 1e17 1e400 5e-324 120e-1 1e-1
    "1.5" "012" "+12" "-0" "12.00" "1e3" "9007199254740993" "1,5" "1.234,56" "0x10" "inf" "NaN" "." "1." ".5" "1_000" ""
    "true" "false" "True" "1" "sim" null true false 2 0 1
    {} [] [null] [1,2.50,"x"] [["x"],1] {"b":1.0,"A":["ç\\n\\"é\\u0001"]} {"UserKey":"not-for-the-lake"} [{"UserKey":"not-for-the-lake"}]
    "31/02/2026" "02/01/2026" "2026-02-30T00:00:00Z" "2026-02-29" "2024-02-29" "2026-01-02" "2026-01-02T03:04:05" "2026-01-02T03:04:05Z"
    "2026-01-02T03:04:05.1234567-0300" "2026-01-02T03:04:05.123456789+05:30" "2026-01-02T00:00:00.000" "2026-01-02T00:00:00Z"
    "2026-01-02T03:04:05.1234567890Z" "2026-01-02T03:04:05,5Z" "2026-01-02T03:04" "0001-01-01T00:00:00Z" "0024-05-01T03:06:28.000Z"
    "1899-12-30T00:00:00" "2018-11-04T00:30:00" "2019-02-16T23:30:00" "2016-12-31T23:59:60Z" "0000-00-00" "9999-12-31T23:59:59Z"
    "2026-01-02T24:00:00Z" "2026-13-01" 1767322445 "00.000.000/0001-91" "00000000000191" "12345678901234567890" "--" "😀_ação\\t"
    """.split()
]
# Those with a space, one longer than a reject may be, and the character that ends strings elsewhere.
NASTY += [" 1", "1 ", " 2026-01-02", "2026-01-02 03:04:05", "2026-01-02 03:04:05-03:00", "é" * 3000, "a\0b"]
SCALARS = [value for value in NASTY if not isinstance(value, (Object, list))]

# Members that page by page reading goes by, and those that other tables are exploded from: the first stay, the second stay no arrays.
KEPT = {"id"}
EXPLODED = {"contacts", "persons", "products", "questionanswers", "subsources", "custom_fields", "types", "painpoints"}
EXPLODED |= {"produtos", "participantes", "contatos", "enderecos", "contatospai", "empresasatuais", "sequencias", "campospersonalizados"}
EXPLODED |= {"phones", "custom_attributes"}


def spoil(body: bytes) -> bytes:
    """A page with some of its records' members replaced."""
    page = parse(body.decode("utf-8"))
    if isinstance(page, list):
        page = [record(one) for one in page]
    else:
        page = Object([(name, [record(one) for one in value] if isinstance(value, list) else value) for name, value in page.pairs])
    return compact(page).encode("utf-8")


# What is no JSON, or no UTF-8.
UNREADABLE = [b"NaN", b"-Infinity", b"007", b"None", b'"caf\xe9"', b'"\xf0\x9f\x98"', b'"a\tb"', rb'"C:\dir"', b"[" * 200 + b"]" * 200]
# One record in so many has something in it that cannot be read.
WRECKED = 9


def wreck(body: bytes) -> bytes:
    """A page in some of whose records a member cannot be read; the same ones whenever a record is read."""
    page = parse(body.decode("utf-8"))
    if isinstance(page, list):
        page = [wrecked(one) for one in page]
    else:
        page = Object([(name, [wrecked(one) for one in value] if isinstance(value, list) else value) for name, value in page.pairs])
    out = compact(page).encode("utf-8")
    for at, piece in enumerate(UNREADABLE):
        out = out.replace(f'"@unreadable {at}@"'.encode(), piece)
    return out


def wrecked(value):
    """A record with one of its members, or a member of one, marked for what is to stand there; never its id."""
    seed = zlib.crc32(compact(value).encode("utf-8"))
    if not isinstance(value, Object) or seed % WRECKED:
        return value
    names = [name for name, _ in value.pairs if name.lower() not in KEPT]
    if not names:
        return value
    chosen, dice = names[seed // WRECKED % len(names)], seed // WRECKED // len(names)

    def instead(member):
        if isinstance(member, Object) and member.pairs and dice % 2:
            first, *rest = member.pairs
            return Object([(first[0], instead(first[1])), *rest])
        return f"@unreadable {dice % len(UNREADABLE)}@"

    return Object([(name, instead(member) if name == chosen else member) for name, member in value.pairs])


def record(value):
    return members(value, zlib.crc32(compact(value).encode("utf-8")), top=True)


def members(value, seed: int, top: bool = False):
    """An object whose members are replaced here and there; arrays of objects go through it element by element."""
    if isinstance(value, list):
        return [members(element, zlib.crc32(str(at).encode(), seed)) for at, element in enumerate(value)]
    if not isinstance(value, Object):
        return value
    changed = []
    for name, member in value.pairs:
        dice = zlib.crc32(name.encode("utf-8"), seed)
        if dice % RATE or top and name.lower() in KEPT:
            changed.append((name, members(member, dice)))
        else:
            choice = SCALARS if name.lower() in EXPLODED else NASTY
            changed.append((name, choice[dice // RATE % len(choice)]))
    return Object(changed)
