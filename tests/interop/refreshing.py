"""What the proofs of the refresh share: a configuration that looks for deletions, an account that moves, and a lake held against a fresh one."""

import json
import os
import shutil
import threading
import tomllib
from contextlib import contextmanager
from pathlib import Path

from pyarrow import fs

import lake as rules
import program
from program import SOURCES, Outcome, Sandbox


def sized(variable: str, usual: int) -> int:
    """A size that the environment may set: the usual suite takes a smaller one."""
    return int(os.environ.get(variable) or usual)


def configured(folder: Path, *, sources=SOURCES, retention: str = "0s", tables: str = "", **keys) -> Path:
    """A configuration without the vendors' limits. `keys` stand in every connection; `tables` is TOML below them."""
    lines = [f'[lake]\nretention = "{retention}"\n']
    for source in sources:
        lines.append(f'[connections.{source}]\nsource = "{source}"')
        lines.append('rate_limit = { requests = 100000, per = "1s", in_flight = 4 }')
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    file = Path(folder) / "refresh.toml"
    file.write_text("\n".join([*lines, tables]) + "\n")
    return file


def arguments(config: Path, to, *args) -> list:
    """An export of every connection of the configuration."""
    return ["export", "--config", config, "--to", to, *args]


def export(folder: Path, sandbox: Sandbox, config: Path, *args, to=None, env=None, expected: int = 0) -> Outcome:
    """The same, run to its end, which is the expected one."""
    env = env if env is not None else sandbox.environment()
    outcome = program.run(arguments(config, to or folder / "lake", *args), cwd=folder, env=env, report=folder / "report.json")
    assert outcome.code == expected, f"exit code {outcome.code}\n{outcome.err}"
    return outcome


@contextmanager
def moving(sandbox: Sandbox, seed: int, tables=(), changes: int = 3, pause: float = 0.04):
    """Changes rows again and again until the end, which is after the last change: the account stands still then."""
    ended = threading.Event()
    failures = []

    def work():
        query = {"tables": ",".join(tables)} if tables else {}
        number = 0
        try:
            while not ended.wait(pause):
                sandbox.post("churn", seed=seed * 1_000 + number, changes=changes, **query)
                number += 1
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not failures, failures


def written(lake: Path) -> dict[Path, int]:
    """Data files by path, with their bytes."""
    return {file: file.stat().st_size for file in Path(lake).rglob("*.parquet") if "_rejected" not in file.parts}


def live(lake: Path, table: str, manifest: dict) -> str:
    """The table as this manifest has it, for DuckDB."""
    files = [str(rules.folder(lake, table) / entry["path"]) for entry in manifest["entries"]]
    listed = ", ".join("'{}'".format(file.replace("'", "''")) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"


def differences(lake: Path, other: Path, folder_only: bool = False) -> dict[str, tuple[int, int]]:
    """Tables that differ, with the rows that only the one lake has and that only the other has; the moment of the export does not count."""
    left, right = rules.manifests(lake), rules.manifests(other)
    assert set(left) == set(right), set(left) ^ set(right)
    found = {}
    for table in left:
        one, two = live(lake, table, left[table]), live(other, table, right[table])
        if folder_only:
            one = f"read_parquet('{rules.folder(lake, table)}/**/part-[1-9]*.parquet', hive_partitioning = false, union_by_name = true)"
        excess = [
            rules.query(f"SELECT count(*) FROM (SELECT * EXCLUDE (_exported_at) FROM {a} EXCEPT ALL SELECT * EXCLUDE (_exported_at) FROM {b})")[0][0]
            for a, b in ((one, two), (two, one))
        ]
        if any(excess):
            found[table] = tuple(excess)
    return found


def fresh(folder: Path, sandbox: Sandbox, config: Path, *args) -> Path:
    """A full export of the account as it is now, into a new lake."""
    place = Path(folder) / "fresh"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    env = sandbox.environment()
    outcome = program.run(arguments(config, place / "lake", *args), cwd=place, env=env, report=place / "report.json")
    assert outcome.code == 0, outcome.err
    return place / "lake"


def verb(name: str, folder: Path, to, *args, env=None) -> tuple[Outcome, dict]:
    """`verify` or `vacuum`, and what it wrote."""
    outcome = program.run([name, "--to", to, "-o", "json", *args], cwd=folder, env=env or program.environment())
    return outcome, json.loads(outcome.out) if outcome.out else {}


def assert_clean(folder: Path, to, env=None, halfway: bool = False) -> list[dict]:
    """`verify` finds no fault; `vacuum` succeeds; after it `verify` finds nothing at all, and a second vacuum nothing to drop. Returns what was dropped.

    `halfway` between the commits of a family, which only a run goes on from, files of the exploded table's next version stay and are told.
    The beginning of a run's report, or of a test of the lake, may be of a run at work: only its age tells.
    """
    verified, found = verb("verify", folder, to, env=env)
    assert verified.code == 0, f"{verified.out}\n{verified.err}"
    vacuumed, dropped = verb("vacuum", folder, to, env=env)
    assert vacuumed.code == 0 and not dropped["failed"], f"{vacuumed.out}\n{vacuumed.err}"
    verified, found = verb("verify", folder, to, env=env)
    assert verified.code == 0 and (halfway or found["findings"] == []), f"{verified.out}\n{verified.err}"
    vacuumed, again = verb("vacuum", folder, to, "--older-than", "0s", env=env)
    assert vacuumed.code == 0 and not any(thing["connection"] for thing in again["dropped"]), f"{vacuumed.out}\n{vacuumed.err}"
    return dropped["dropped"] + again["dropped"]


def declaration(table: str) -> dict:
    """The file that declares a table."""
    return tomllib.loads(program.REPOSITORY.joinpath("schemas", *table.split(".")).with_suffix(".toml").read_text("utf-8"))


def versions(lake: Path) -> set[Path]:
    """All manifests, old and new."""
    return {file for file in Path(lake).glob("*/*/_manifest/*") if rules.MANIFEST.match(file.name)}


def copied(files: fs.FileSystem, home: str, place: Path) -> None:
    """A copy of a lake in a bucket, on disk."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    fs.copy_files(home, str(place), source_filesystem=files, destination_filesystem=fs.LocalFileSystem())
