"""Names, descriptions and values that a vendor made to be run: through the views, in the DuckDB shell, DuckDB, Spark and Spark's shell, nothing of them is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pyspark
import pytest

import program
from small_ploomes import SmallPloomes

# A secret that Spark would put into a text, were it let.
SECRET = "c0nfidential-of-the-shell"
# Each would make a file in the working directory if it were run, end the text that it stands in, or be replaced by the secret.
NAMES = [
    "a\0",
    ";\n.shell touch PWNED\n--",
    "';\n.shell touch PWNED\n--",
    '";\n.system touch PWNED\n--',
    "*/;\n!touch PWNED;\n/*",
    "; !touch PWNED; --",
    "'; !touch PWNED; --",
    "\\'; !touch PWNED; --",
    "\\",
    "${env:HOSTILE_SECRET}",
    "$${env:HOSTILE_SECRET}",
    "${system:user.name}",
    "\r.shell touch PWNED\r",
    "\u0085.shell touch PWNED\u2028.shell touch PWNED\u2029",
    "\u001b]0;title\u0007\u009b31m\u202egnp\u200b",
    "d'água \"x\" `y` ; -- fim",
]
SOURCE = """
title = "Hostil"
description = "Fonte de teste."
base_url = "https://hostile.example"
token_env = "HOSTILE_TOKEN"
auth = { type = "header", name = "User-Key" }
timezone = "America/Sao_Paulo"
records = ["value"]
pagination = { type = "single" }
rate_limit = { requests = 1000, per = "1s", in_flight = 1 }
"""
TABLE = """
title = "Coisas"
description = "Tabela de teste."
endpoint = "/Things"
primary_key = ["id"]
partition = { column = "v", by = "value" }
[columns]
id = { type = "int", path = "Id", description = "Id." }
v = { type = "text", path = "v", description = "Partição." }
"""


def field(at: int, name: str) -> dict:
    listed = {"Id": at + 1, "Key": f"deal_{at}", "Name": name, "EntityId": 2, "Dynamic": True, "Multiple": False, "OptionsTableId": None}
    return listed | {"Type": {"NativeType": "String"}}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """A folder with a lake: custom fields of hostile names, hostile values as partitions, and columns that were declared with hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    values = [name.replace("\0", "") for name in NAMES]
    records = {
        "Deals": [{"Id": at + 1, "Title": name, "LastUpdateDate": "2026-01-01T00:00:00Z", "OtherProperties": []} for at, name in enumerate(NAMES)],
        "Things": [{"Id": at + 1, "v": value} for at, value in enumerate(values)],
    }
    schemas = folder / "schemas" / "hostile"
    schemas.mkdir(parents=True)
    (schemas / "source.toml").write_text(SOURCE)
    columns = "\n".join(f'{json.dumps(name)} = {{ type = "text", path = "v", description = {json.dumps(name)} }}' for name in NAMES[1:])
    (schemas / "things.toml").write_text(TABLE + columns)
    with SmallPloomes(records) as vendor:
        vendor.fields = [field(at, name) for at, name in enumerate(NAMES)]
        environment = program.environment(PLOOMES_USER_KEY="a-token", HOSTILE_TOKEN="a-token")
        for arguments in (["ploomes", "--tables", "deals"], ["hostile", "--schemas", "schemas"]):
            done = program.run(["export", *arguments, "--to", "lake", "--base-url", vendor.base], cwd=folder, env=environment)
            assert done.code == 0, done.err
    # Views of everything, with the usual declarations.
    for engine in ("duckdb", "spark"):
        done = program.run(["views", "--engine", engine, "--to", "lake"], cwd=folder)
        assert done.code == 0, done.err
        (folder / f"{engine}.sql").write_text(done.out, newline="")
    return folder


def pwned(folder: Path) -> bool:
    return bool(list(folder.rglob("PWNED")))


def shell() -> str:
    """The DuckDB CLI, from the package `duckdb-cli`."""
    found = shutil.which("duckdb", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert found, "no DuckDB CLI: tests/interop/requirements.txt has `duckdb-cli`"
    return found


@pytest.mark.parametrize("script", ["lake/_views/duckdb.sql", "duckdb.sql"])
@pytest.mark.parametrize("fed", ["stdin", "read", "init"])
def test_the_duckdb_shell_runs_no_name(hostile, script, fed):
    """As the documents say, from a pipe, and as its first commands."""
    options = ["-no-init"] if fed != "init" else ["-init", script]
    count = "SELECT count(*) FROM ploomes.deals; SELECT count(*) FROM hostile.things;"
    given = (hostile / script).read_text() + count if fed == "stdin" else (f".read {script}\n" if fed == "read" else "") + count
    done = subprocess.run([shell(), "-csv", "-noheader", *options], input=given, capture_output=True, text=True, cwd=hostile, check=False)
    assert not pwned(hostile)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == [str(len(NAMES))] * 2, (done.stdout, done.stderr)


def test_duckdb_reads_the_views(hostile):
    """Every row, the columns whose names can be written, and each field's meaning on one line."""
    connection = duckdb.connect()
    connection.execute((hostile / "duckdb.sql").read_text())
    titles = connection.execute("SELECT title FROM ploomes.deals ORDER BY CAST(id AS DOUBLE)").fetchall()
    assert [title for (title,) in titles] == NAMES
    values = connection.execute("SELECT v FROM hostile.things ORDER BY id").fetchall()
    assert [value for (value,) in values] == [name.replace("\0", "") for name in NAMES]
    comments = connection.execute("SELECT comment FROM duckdb_columns() WHERE comment LIKE 'Campo personalizado%'").fetchall()
    assert len(comments) == len(NAMES)
    assert all(comment.isprintable() for (comment,) in comments)
    names = {row[0] for row in connection.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = 'things'").fetchall()}
    written = {name for name in NAMES[1:] if not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029" for c in name)}
    assert names == {"id", "v", "_exported_at"} | written


def test_spark_reads_the_views_and_replaces_nothing(hostile):
    """The same in Spark, which replaces what it knows: here a property of its system, in the next test a variable."""
    from test_verbs import run, spark

    session = spark()
    text = (hostile / "spark.sql").read_text()
    run(session, text, ["ploomes.deals", "hostile.things"])
    titles = session.sql("SELECT title FROM `ploomes.deals` ORDER BY CAST(id AS DOUBLE)").collect()
    assert [row[0] for row in titles] == NAMES
    values = session.sql("SELECT v FROM `hostile.things` ORDER BY id").collect()
    assert [row[0] for row in values] == [name.replace("\0", "") for name in NAMES]
    described = session.sql("DESCRIBE `ploomes.deals`").collect()
    meant = [row[2] for row in described if (row[2] or "").startswith("Campo personalizado")]
    assert len(meant) == len(NAMES) and all(text.isprintable() for text in meant)
    assert sum("${env:HOSTILE_SECRET}" in text for text in meant) == 2
    assert session.sql("SELECT '${system:user.name}'").collect()[0][0] != "${system:user.name}", "Spark replaces nothing at all"
    assert sum("${system:user.name}" in text for text in meant) == 1


def test_sparks_shell_runs_no_name(hostile, tmp_path):
    """`spark-sql -f`, which parts statements by itself, takes `!` for a command, and knows the secret."""
    script = tmp_path / "all.sql"
    script.write_text((hostile / "spark.sql").read_text() + "DESCRIBE `ploomes.deals`;\nDESCRIBE `hostile.things`;\n")
    program_of = Path(pyspark.__file__).parent / "bin" / "spark-sql"
    command = [program_of, "--master", "local[1]", "--conf", "spark.ui.enabled=false", "-f", script]
    environment = program.environment(HOSTILE_SECRET=SECRET, PYSPARK_PYTHON=sys.executable)
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False, timeout=300)
    assert not pwned(hostile) and not pwned(tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Campo personalizado" in done.stdout
    assert SECRET not in done.stdout + done.stderr
