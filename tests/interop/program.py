"""The program under test as a user meets it: a binary, its arguments, its environment."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
SOURCES = ("customerx", "exactsales", "nectarcrm", "ploomes", "sensedata")
# The tables that the documents list, and those beyond them.
CATALOG = json.loads((REPOSITORY / "tests" / "catalog.json").read_text("utf-8"))
FURTHER = json.loads((REPOSITORY / "tests" / "further.json").read_text("utf-8"))
PARENTS = {f"{source}.{table['id']}": table["parent"] for known in (CATALOG, FURTHER) for source, tables in known.items() for table in tables}
EXPERIMENTAL = {f"{source}.{table['id']}" for source, tables in FURTHER.items() for table in tables if table["experimental"]}
# What an export of everything has: experimental tables are left out of it.
TABLES = [table for table in PARENTS if table not in EXPERIMENTAL]

# What the caller's shell may hold and a test must not see.
FOREIGN = ("AWS_", "PLOOMES_", "NECTARCRM_", "SENSEDATA_", "EXACTSALES_", "CUSTOMERX_", "HTTP_PROXY", "HTTPS_PROXY")


def binary() -> Path:
    """`AFLUENTE_BIN`, else the debug build in `CARGO_TARGET_DIR` or `target`."""
    if chosen := os.environ.get("AFLUENTE_BIN"):
        found = Path(chosen).resolve()
    else:
        target = Path(os.environ.get("CARGO_TARGET_DIR") or "target")
        found = REPOSITORY / target / "debug" / "afluente"
    if not found.is_file():
        raise FileNotFoundError(f"{found} is not there: `make interop` builds it")
    return found


def environment(**extra: str) -> dict[str, str]:
    """The caller's environment without tokens, addresses and credentials, plus `extra`."""
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
    return clean | {"NO_COLOR": "1"} | extra


@dataclass
class Outcome:
    """What a finished run left: exit code, both streams, seconds, and the report if it wrote one."""

    code: int
    out: str
    err: str
    seconds: float
    report: dict | None = None

    def table(self, name: str) -> dict:
        """The report's entry of `connection.table`."""
        assert self.report, f"no report was written:\n{self.err}"
        found = [t for t in self.report["tables"] if f"{t['connection']}.{t['table']}" == name]
        assert len(found) == 1, f"{name} stands {len(found)} times in the report"
        return found[0]

    def statuses(self) -> dict[str, str]:
        """Status by `connection.table`."""
        assert self.report, f"no report was written:\n{self.err}"
        return {f"{t['connection']}.{t['table']}": t["status"] for t in self.report["tables"]}


@dataclass
class Running:
    """A process that was started and not yet waited for."""

    process: subprocess.Popen
    report_file: Path | None
    started: float = field(default_factory=time.monotonic)

    def wait(self, timeout: float = 300) -> Outcome:
        """Waits for the end; a run that takes longer is killed and fails the test."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"still running after {timeout} s\nstdout: {out}\nstderr: {err}") from None
        seconds = time.monotonic() - self.started
        # A run that is killed leaves the report's place empty.
        text = self.report_file.read_text("utf-8") if self.report_file and self.report_file.exists() else ""
        report = json.loads(text) if text else None
        return Outcome(self.process.returncode, out, err, seconds, report)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal and starts the clock anew."""
        self.process.send_signal(number)
        self.started = time.monotonic()


def start(args, cwd, env=None, report=None, prefix=(), **popen) -> Running:
    """Starts `afluente ARGS` in `cwd`; `prefix` is a command put before it."""
    command = [*map(str, prefix), str(popen.pop("program", None) or binary()), *map(str, args)]
    if report:
        Path(report).unlink(missing_ok=True)
        command += ["--report", str(report)]
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env if env is not None else environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        **popen,
    )
    return Running(process, Path(report) if report else None)


def run(args, cwd, env=None, timeout=300, **options) -> Outcome:
    """Runs `afluente ARGS` to its end."""
    return start(args, cwd, env, **options).wait(timeout)


def run_measured(args, cwd, env=None, timeout=600, **options) -> tuple[Outcome, int]:
    """The same, and the peak resident memory of that process alone, in bytes."""
    figure = Path(cwd) / "peak"
    outcome = run(args, cwd, env, timeout, prefix=[sys.executable, "-I", HERE / "measure.py", figure], **options)
    return outcome, int(figure.read_text())


class Sandbox:
    """`afluente sandbox` on a free port, until the `with` ends."""

    def __init__(self, *args: str, limits: bool = False):
        options = [] if limits else ["--no-limits"]
        self.command = [str(binary()), "sandbox", "--listen", "127.0.0.1:0", *options, *map(str, args)]

    def __enter__(self) -> "Sandbox":
        self.process = subprocess.Popen(
            self.command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        # A sandbox that neither answers nor ends is ended, so that the lines below come to an end.
        watchdog = threading.Timer(30, self.process.kill)
        watchdog.start()
        self.env: dict[str, str] = {}
        for line in self.process.stdout:
            words = shlex.split(line)
            assert words[0] == "export" and len(words) == 2, f"not a line for a shell: {line!r}"
            name, _, value = words[1].partition("=")
            self.env[name] = value
            if len(self.env) == 2 * len(SOURCES):
                break
        watchdog.cancel()
        if len(self.env) != 2 * len(SOURCES):
            raise AssertionError(f"{shlex.join(self.command)} ended early: {self.process.communicate()[1]}")
        # Drained, so that talk can never fill the pipe and stop the sandbox.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.bases = {source: self.env[f"{source.upper()}_BASE_URL"] for source in SOURCES}
        self.url = self.bases["ploomes"].rsplit("/ploomes", 1)[0]
        self.tokens = [value for name, value in self.env.items() if not name.endswith("_BASE_URL")]
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def tell(self, route: str) -> dict:
        """A control route: `row_counts` or `requests`."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/{route}", timeout=60) as reply:
            return json.load(reply)

    def post(self, route: str, **query) -> dict:
        """A control route that changes something: `churn` or `change`."""
        request = urllib.request.Request(f"{self.url}/_sandbox/{route}?{urllib.parse.urlencode(query)}", method="POST")
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def fields(self, **change) -> dict:
        """Changes the custom fields of Ploomes; the field as the vendor tells it then."""
        request = urllib.request.Request(f"{self.url}/_sandbox/fields", json.dumps(change).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment that points an export at this sandbox."""
        return environment(**self.env | extra)


def unthrottled(folder: Path) -> Path:
    """A configuration of all sources whose own limit is out of the way: the vendors' limits are the matter of test_limits.py."""
    file = Path(folder) / "unthrottled.toml"
    file.write_text(
        "\n".join(
            f'[connections.{source}]\nsource = "{source}"\nrate_limit = {{ requests = 100000, per = "1s", in_flight = 4 }}\n'
            for source in SOURCES
        )
    )
    return file
