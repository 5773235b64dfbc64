"""What the tests of failures share: one table is the victim, small ones beside it must come through."""

import shutil
import time
from pathlib import Path

import lake as rules
import program
from program import Outcome

VICTIM = "deals"
OTHERS = ("currencies", "departments", "roles")
TABLES = ",".join(f"ploomes.{table}" for table in (VICTIM, *OTHERS))


def impatient(folder: Path, attempts: int) -> Path:
    """The declarations with short waits between attempts, so that a vendor that never answers is given up soon."""
    schemas = Path(folder) / "schemas"
    if not schemas.exists():
        shutil.copytree(program.REPOSITORY / "schemas", schemas)
        for file in schemas.glob("*/source.toml"):
            kept = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("retry ")]
            retry = f'retry = {{ attempts = {attempts}, backoff = "50ms", max_backoff = "200ms" }}'
            file.write_text("\n".join([retry, *kept]) + "\n", "utf-8")
    return schemas


def arguments(folder: Path, *args, tables: str = TABLES, attempts: int = 3) -> list:
    """An export of the victim and the others into `folder/lake`."""
    usual = ["export", "ploomes", "--tables", tables, "--to", folder / "lake", "--config", program.unthrottled(folder)]
    return [*usual, "--schemas", impatient(folder, attempts), *args]


def export(folder: Path, sandbox, *args, env=None, tables: str = TABLES, attempts: int = 3) -> Outcome:
    """The same, run to its end."""
    folder.mkdir(exist_ok=True)
    env = env if env is not None else sandbox.environment()
    command = arguments(folder, *args, tables=tables, attempts=attempts)
    return program.run(command, cwd=folder, env=env, report=folder / "report.json")


def assert_only_the_victim_failed(outcome: Outcome, folder: Path, sandbox, words=()) -> str:
    """Exit code 1; the victim's error and hint are told and hold the words; the others are committed whole; nothing else is visible.

    Returns the error with its hint.
    """
    assert outcome.code == 1, f"exit code {outcome.code}\n{outcome.err}"
    expected = {f"ploomes.{VICTIM}": "failed"} | {f"ploomes.{table}": "committed" for table in OTHERS}
    assert outcome.statuses() == expected
    error = outcome.table(f"ploomes.{VICTIM}")["error"]
    assert error.get("hint"), f"no hint with: {error['message']}"
    told = f"{error['message']}\n{error['hint']}"
    for word in (VICTIM, *words):
        assert word.lower() in told.lower(), f"{word!r} is not told: {told}"
    assert error["message"] in outcome.err and error["hint"] in outcome.err and "hint:" in outcome.err
    assert_committed(folder / "lake", sandbox, OTHERS)
    assert VICTIM not in {table.split(".")[1] for table in rules.manifests(folder / "lake")}
    assert rules.files(folder / "lake", f"ploomes.{VICTIM}") == []
    rules.assert_secret(sandbox.tokens, folder, outcome.out, outcome.err)
    return told


def assert_committed(lake: Path, sandbox, tables, connection: str = "ploomes", killed: bool = False) -> None:
    """These tables hold the sandbox's rows, each once, through the manifest and by plain glob."""
    newest = rules.assert_sound(lake, killed)
    counts = sandbox.tell("row_counts")
    names = [f"{connection}.{table}" for table in tables]
    held = {name: (newest[name]["rows"], rules.rows(lake, name), counts[name]) for name in names}
    wrong = {name: rows for name, rows in held.items() if len(set(rows)) > 1}
    assert not wrong, f"rows in the manifest, by plain glob, in the API: {wrong}"


def eventually(condition, what: str, timeout: float = 60) -> None:
    """Returns as soon as the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.002)
