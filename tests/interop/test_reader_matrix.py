"""The oldest readers that are promised (docs/readers.md) and the newest ones, over a lake of every type and of values that readers stumble over.

Each runs in a process of its own (reader.py), in the environment of its age: `make interop` makes `venv-oldest` and `venv-newest` beside this one's.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import every_type
import lake as rules
import program
import reader

HERE = Path(__file__).resolve().parent
READERS = [read.__name__ for read in reader.READERS]
AGES = ["oldest", "newest"]


# Days that ClickHouse 24 has a place for, since 1970: 1900-01-01 to 2299-12-31.
CLICKHOUSE_DAYS = (-25567, 120530)
NEGATIVE_ZERO = (-0.0).hex()


def interpreter(age: str) -> Path:
    """The Python of an age's readers."""
    python = Path(f"{os.environ.get('AFLUENTE_READERS') or sys.prefix}-{age}", "bin", "python")
    assert python.is_file(), f"{python} is not there: `make interop` makes it"
    return python


def planned(lake: Path, scratch: Path) -> Path:
    """What a reader is to read: every table of a lake, by its manifest."""
    tables = {}
    for name, manifest in rules.manifests(lake).items():
        folder = rules.folder(lake, name)
        partition = manifest["partition"]
        tables[name] = {
            "folder": str(folder),
            "files": [str(folder / entry["path"]) for entry in manifest["entries"]],
            "columns": [[column["name"], column["type"]] for column in manifest["schema"]["columns"]],
            "partition": partition and f"{partition['column']}_{partition['by']}",
        }
    scratch.mkdir()
    plan = scratch / "plan.json"
    plan.write_text(json.dumps({"lake": str(lake), "scratch": str(scratch), "tables": tables}), "utf-8")
    return plan


def read(name: str, age: str, plan: Path) -> dict:
    """What a reader of this age tells."""
    done = subprocess.run(
        [interpreter(age), "-I", HERE / "reader.py", name, plan], capture_output=True, text=True, env=program.environment(), timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def truth(plan: Path) -> dict[str, dict]:
    """The rows of each table as this environment's PyArrow has them, file by file, and what the conditions on numbers must find."""
    found = {}
    for name, table in json.loads(plan.read_text("utf-8"))["tables"].items():
        rows = [row for file in table["files"] for row in reader.by_arrow(table, pq.ParquetFile(file).read())["rows"]]
        names = [column for column, _ in table["columns"]]
        counts = {}
        for one in reader.conditions(table):
            column, sign, bound = one.split()
            values = [float.fromhex(row[names.index(column)]) for row in rows if row[names.index(column)] is not None]
            held = {"=": lambda a, b: a == b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b, ">": lambda a, b: a > b}[sign]
            counts[one] = sum(held(value, float(bound)) for value in values)
        found[name] = {"rows": sorted(rows, key=json.dumps), "counts": counts}
    return found


def clipped(tables: dict, expected: dict[str, dict]) -> dict[str, dict]:
    """The same with the days that ClickHouse had in their place."""
    least, greatest = CLICKHOUSE_DAYS

    def clip(kind: str, cell):
        return min(max(cell, least), greatest) if kind == "date" and cell is not None else cell

    def rows(name: str) -> list:
        kinds = [kind for _, kind in tables[name]["columns"]]
        return sorted(([clip(kind, cell) for kind, cell in zip(kinds, row)] for row in expected[name]["rows"]), key=json.dumps)

    return {name: table | {"rows": rows(name)} for name, table in expected.items()}


def negative_zeros(tables: dict, expected: dict[str, dict], name: str) -> int:
    """How many rows of a table have -0.0 as their amount."""
    place = [column for column, _ in tables[name]["columns"]].index("amount")
    return sum(row[place] == NEGATIVE_ZERO for row in expected[name]["rows"])


def in_total_order(tables: dict, expected: dict[str, dict]) -> dict[str, dict]:
    """The same for a reader that takes -0.0 for less than 0.0."""
    found = dict(expected)
    for name, table in expected.items():
        if table["counts"]:
            less = negative_zeros(tables, expected, name)
            counts = table["counts"]
            found[name] = table | {"counts": counts | {"amount = 0": counts["amount = 0"] - less, "amount < 0": counts["amount < 0"] + less}}
    return found


def without_files_of_negative_zeros(tables: dict, expected: dict[str, dict]) -> dict[str, dict]:
    """The same for a reader that passes over a file in which -0.0 is the only zero: in the table of years each file has one amount."""
    years = expected["corners.years"]
    counts = years["counts"] | {"amount = 0": years["counts"]["amount = 0"] - negative_zeros(tables, expected, "corners.years")}
    return expected | {"corners.years": years | {"counts": counts}}


# What a reader is known to read otherwise, as docs/readers.md says.
LIMITS = {
    ("clickhouse", "oldest"): clipped,
    ("datafusion", "oldest"): in_total_order,
    ("deltalake", "oldest"): in_total_order,
    ("spark", "oldest"): without_files_of_negative_zeros,
    ("spark", "newest"): without_files_of_negative_zeros,
}


def as_read(name: str, age: str, plan: Path, expected: dict[str, dict]) -> dict[str, dict]:
    """What a reader of this age is to tell."""
    limit = LIMITS.get((name, age))
    return limit(json.loads(plan.read_text("utf-8"))["tables"], expected) if limit else expected


def differences(found: dict, expected: dict[str, dict]) -> list[str]:
    """What a reader does not read as it stands, in words."""
    told = []
    for way, tables in found["ways"].items():
        assert tables.keys() == expected.keys()
        for name, table in tables.items():
            if "error" in table:
                told.append(f"{way}, {name}: {table['error']}")
            elif "count" in table:
                told += [f"{way}, {name}: {table['count']} rows"] if table["count"] != len(expected[name]["rows"]) else []
            else:
                rows, right = table["rows"], expected[name]["rows"]
                if rows != right:
                    wrong = next((pair for pair in zip(rows, right) if pair[0] != pair[1]), (len(rows), len(right)))
                    told.append(f"{way}, {name}: {wrong[0]}, expected {wrong[1]}")
                if table["counts"] is not None and table["counts"] != expected[name]["counts"]:
                    told.append(f"{way}, {name}: {table['counts']}, expected {expected[name]['counts']}")
    return told


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """The lake of every type, the plan to read it, and what it holds."""
    folder = tmp_path_factory.mktemp("every")
    lake = every_type.export(folder)
    plan = planned(lake, folder / "scratch")
    return lake, plan, truth(plan)


def test_the_lake_holds_what_the_vendor_gave(every):
    """Every case is in every table of cases, with its numbers to the bit and its text."""
    _, _, expected = every
    cases = every_type.cases()
    wanted = sorted(((case["id"], case.get("number"), repr(case.get("amount")), case.get("place")) for case in cases), key=repr)
    for table in ("plain", "years", "days", "places"):
        rows = expected[f"corners.{table}"]["rows"]
        found = [(int(float.fromhex(row[0])), row[1], repr(row[2] and float.fromhex(row[2])), row[6] or "") for row in rows]
        assert sorted(((*row[:3], row[3]) for row in found), key=repr) == sorted(((*row[:3], row[3] or "") for row in wanted), key=repr), table
    assert expected["corners.nothing"]["rows"] == expected["corners.nowhere"]["rows"] == []
    assert len(expected["corners.plain__people"]["rows"]) == sum(len(case.get("people", [])) for case in cases)
    assert len(expected["ploomes.deals"]["rows"]) == len(every_type.deals())


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("name", READERS)
def test_every_reader_reads_every_cell(every, tmp_path, name, age):
    """Each way that is documented for a reader gives every row and cell of every table, and numbers are found by conditions."""
    lake, plan, expected = every
    told = differences(read(name, age, planned(lake, tmp_path / "scratch")), as_read(name, age, plan, expected))
    assert not told, "\n".join(told)


@pytest.fixture
def before(tmp_path):
    """A lake that the release before wrote (tests/lakes), in a folder of the test's own."""
    return Path(shutil.copytree(program.REPOSITORY / "tests" / "lakes" / "total-order", tmp_path / "lake"))


def test_a_lake_of_the_release_before_is_compacted_for_the_oldest_readers(before, tmp_path):
    """Readers refuse its files; `status` and `verify` count them; `compact` writes them anew, and every row and cell is what it was."""
    plan = planned(before, tmp_path / "before")
    expected = truth(plan)
    refused = {reader: differences(read(reader, "oldest", plan), expected) for reader in ("polars", "datafusion")}
    # A glob, and the files; DataFusion reads folders.
    assert len(refused["polars"]) == 2 * len(expected) and len(refused["datafusion"]) == len(expected), refused

    def afluente(*arguments) -> program.Outcome:
        done = program.run([*arguments, "--to", before], cwd=tmp_path)
        assert done.code == 0, done.err
        return done

    files = sum(len(manifest["entries"]) for manifest in rules.manifests(before).values())
    assert sum(table["older_files"] for table in json.loads(afluente("status", "-o", "json").out)) == files
    assert "afluente compact" in afluente("status").err
    assert afluente("verify").out.count("afluente compact") == len(expected)
    afluente("compact")
    assert sum(table["older_files"] for table in json.loads(afluente("status", "-o", "json").out)) == 0
    assert afluente("verify").out == ""
    assert "nothing to merge" in afluente("compact").err
    plan = planned(before, tmp_path / "after")
    assert truth(plan) == expected
    for name in ("polars", "datafusion", "deltalake", "duckdb", "pyarrow", "pandas"):
        found = read(name, "oldest", planned(before, tmp_path / name))
        assert not differences(found, as_read(name, "oldest", plan, expected)), name


def test_the_oldest_pyarrow_has_the_bounds_of_numbers(every, before):
    """It drops the statistics of a column whose order it does not know: those of today's files are there, those of the release before are not."""
    script = (
        "import pyarrow.parquet as pq, sys; groups = [pq.read_metadata(file).row_group(0) for file in sys.argv[1:]];"
        "print([group.column(0).is_stats_set and group.column(0).statistics.has_min_max for group in groups])"
    )
    lake, _, _ = every
    files = [rules.files(place, "corners.plain")[0] for place in (lake, before)]
    done = subprocess.run([interpreter("oldest"), "-c", script, *files], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, False]"


PAGE = program.REPOSITORY / "docs" / "readers.md"
BLOCKS = re.findall(r"^([A-Z]\w+|pandas)[.:](?:(?!```).)*?^```(python|sql)\n(.*?)^```$", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def line_of(reader: str, language: str, code: str) -> str:
    """A script of a documented line."""
    if language == "python":
        return code
    if reader == "ClickHouse":
        return f"import chdb\nprint(chdb.query({code!r}, 'TSV'))"
    return f"import duckdb\nprint(duckdb.sql({code!r}).fetchall()[0][0])"


def test_every_reader_has_a_line():
    """Those that need no log and no catalogue of one's own."""
    assert [reader for reader, _, _ in BLOCKS] == ["DuckDB", "Polars", "PyArrow", "pandas", "Spark", "DataFusion", "ClickHouse"]


# The newest Spark runs the READMEs' line below: each JVM takes its time.
LINES = [(age, *block) for block in BLOCKS for age in AGES if (block[0], age) != ("Spark", "newest")]


@pytest.mark.parametrize(("age", "name", "language", "code"), LINES, ids=[f"{line[1]}-{line[0]}" for line in LINES])
def test_each_documented_line_reads_every_row(every, tmp_path, age, name, language, code):
    """Over a table of years from 24 to 9999 and of none, beside which another engine left a file."""
    lake, _, expected = every
    table = Path(shutil.copytree(lake / "corners" / "years", tmp_path / "lake" / "ploomes" / "orders"))
    if "part-" in code:
        shutil.copy(next(table.glob("moment_year=2026/part-*.parquet")), table / "moment_year=2026" / "part-00000-1b2c.snappy.parquet")
    done = subprocess.run(
        [interpreter(age), "-c", line_of(name, language, code)], capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-1] == str(len(expected["corners.years"]["rows"]))


@pytest.mark.parametrize("page", ["README.md", "README.pt-BR.md"])
def test_the_lines_of_the_readme_run(lake, page):
    """Each block of Python that reads a lake, with the newest readers; both READMEs have the same ones."""
    blocks = [block for block in re.findall(r"```python\n(.*?)```", (program.REPOSITORY / page).read_text("utf-8"), flags=re.DOTALL) if '"lake/' in block]
    assert len(blocks) == 3
    if page != "README.md":
        assert all(block in (program.REPOSITORY / "README.md").read_text("utf-8") for block in blocks)
        return
    for block in blocks:
        done = subprocess.run([interpreter("newest"), "-c", block], capture_output=True, text=True, cwd=lake.path.parent, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.strip()


def test_the_versions_of_the_page_are_those_that_run():
    """What docs/readers.md promises and names is what the requirements pin."""
    pinned = {}
    for age in AGES:
        lines = (HERE / f"requirements-{age}.txt").read_text("utf-8").splitlines()
        pinned[age] = dict(line.split("==") for line in lines if "==" in line)
    packages = {"DuckDB": "duckdb", "Polars": "polars", "PyArrow": "pyarrow", "pandas": "pandas", "Spark": "pyspark"}
    packages |= {"DataFusion": "datafusion", "deltalake": "deltalake", "PyIceberg": "pyiceberg", "ClickHouse": "chdb"}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    told = {row[0]: row[1:3] for row in rows if row[0] in packages}
    assert told.keys() == packages.keys()
    for name, package in packages.items():
        for age, cell in zip(AGES, told[name]):
            assert pinned[age][package] in cell, f"{name}, {age}: {cell}"


def test_no_page_names_a_pattern_that_takes_other_engines_files():
    """The documented pattern is `part-[1-9]*.parquet`."""
    places = [program.REPOSITORY / "README.md", program.REPOSITORY / "README.pt-BR.md"]
    places += [*(program.REPOSITORY / "docs").glob("*.md"), *(program.REPOSITORY / "examples").rglob("*.*"), *(program.REPOSITORY / "src").rglob("*.rs")]
    wrong = [str(place) for place in places if place.is_file() and re.search(r"\*\*/\*\.parquet", place.read_text("utf-8"))]
    assert not wrong
