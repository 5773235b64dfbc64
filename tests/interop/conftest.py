"""What the whole session shares: a sandbox, and one lake exported from it."""

import json
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import program


@dataclass
class Lake:
    """A complete export of all sources."""

    path: Path
    outcome: program.Outcome
    counts: dict[str, int]
    tables: dict[str, dict]

    def folder(self, table: str) -> Path:
        return self.path.joinpath(*table.split(".", 1))

    def glob(self, table: str) -> str:
        return f"{self.folder(table)}/**/part-[1-9]*.parquet"


@pytest.fixture(scope="session")
def sandbox():
    """A sandbox of seed 1 with 1,000 rows in its large tables, without the vendors' limits."""
    with program.Sandbox("--rows", 1000, "--seed", 1) as running:
        yield running


@pytest.fixture(scope="session")
def declared() -> dict[str, dict]:
    """`afluente tables -o json`, by `source.table`; without those that are derived from others, which no document knows and which are off by default."""
    out = subprocess.run([program.binary(), "tables", "-o", "json"], check=True, capture_output=True, env=program.environment()).stdout
    return {f"{source['source']}.{table['id']}": table for source in json.loads(out) for table in source["tables"] if "derived" not in table}


@pytest.fixture(scope="session")
def documented(declared) -> dict[str, dict]:
    """tests/catalog.json, by `source.table`; what no document lists, as it is declared."""
    catalog = {f"{source}.{table['id']}": table for source, tables in program.CATALOG.items() for table in tables}
    further = {table: declared[table] for table in program.PARENTS if table not in catalog}
    return catalog | further


@pytest.fixture(scope="session")
def lake(sandbox, declared, tmp_path_factory) -> Lake:
    """All tables of the sandbox, exported once."""
    folder = tmp_path_factory.mktemp("lake")
    outcome = program.run(
        ["export", "--to", folder / "lake", "--config", program.unthrottled(folder)],
        cwd=folder,
        env=sandbox.environment(),
        report=folder / "report.json",
    )
    assert outcome.code == 0, outcome.err
    of_all = {table: rows for table, rows in sandbox.tell("row_counts").items() if table not in program.EXPERIMENTAL}
    usual = {name: table for name, table in declared.items() if not table.get("experimental")}
    return Lake(folder / "lake", outcome, of_all, usual)


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """Spark on two local cores."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .appName("afluente-interop")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        # Many small queries: compiling each costs more than it saves.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def closed_port():
    """A port that refuses connections: bound, so that nobody else takes it, but not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def mount():
    """Mounts a tmpfs with these options until the test ends. Needs root: a test that cannot mount fails, it is not skipped."""
    mounted = []

    def mount_at(folder: Path, options: str) -> Path:
        folder.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
        assert done.returncode == 0, f"a tmpfs cannot be mounted here ({done.stderr.strip()}): run these tests as root"
        mounted.append(folder)
        return folder

    yield mount_at
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)
