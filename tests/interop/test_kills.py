"""Runs killed at random moments while the account moves: the next run works at once, and the lake ends up as the account is."""

import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import lake as rules
import program
import refreshing
from refreshing import sized
from test_s3 import BUCKET, server  # noqa: F401, a fixture

KILLS = sized("AFLUENTE_KILLS", 200)
KILLS_S3 = sized("AFLUENTE_KILLS_S3", 30)
ROUND = 20
ROWS = 60


@pytest.fixture(scope="module")
def partial(declared) -> str:
    """The tables that are not read whole each time, as globs."""
    names = [name for name, table in declared.items() if table["replication"] != "full"]
    assert len(names) >= 20, names
    return ",".join(names)


class Killed:
    """Kills runs, lets the next one work, and holds the lake against the account."""

    def __init__(self, folder: Path, sandbox, tables: str, to, env: dict[str, str], seed: int):
        self.folder, self.sandbox, self.to, self.env = folder, sandbox, to, env
        self.tables = ["--tables", tables]
        self.config = refreshing.configured(folder, reconcile="1s")
        self.random = random.Random(seed)
        self.figures = Counter()
        self.fractions: list[float] = []

    def export(self) -> program.Outcome:
        return refreshing.export(self.folder, self.sandbox, self.config, *self.tables, to=self.to, env=self.env)

    def churn(self) -> None:
        self.sandbox.post("churn", seed=self.random.randrange(1 << 30), changes=self.random.randrange(5, 40))

    def measure(self) -> float:
        """How long a refresh takes."""
        seconds = []
        for _ in range(5):
            self.churn()
            with refreshing.moving(self.sandbox, self.random.randrange(1 << 20)):
                seconds.append(self.export().seconds)
        return sorted(seconds)[len(seconds) // 2]

    def kill(self, length: float) -> None:
        """One run that is killed, unless it ends before, and the next one."""
        self.churn()
        moment = self.random.uniform(0, length)
        with refreshing.moving(self.sandbox, self.random.randrange(1 << 20)):
            running = program.start(refreshing.arguments(self.config, self.to, *self.tables), cwd=self.folder, env=self.env)
            time.sleep(moment)
            running.process.send_signal(signal.SIGKILL)
            outcome = running.wait(60)
        assert outcome.code in (-signal.SIGKILL, 0), outcome.err
        self.figures["killed" if outcome.code else "ended before"] += 1
        self.fractions.append(moment / length)
        if len(self.fractions) % 4 == 0:
            # What the next run would clear away: to be cleared without it, too.
            self.clean(halfway=True)
        self.export()

    def clean(self, halfway: bool = False) -> None:
        """`verify` and `vacuum`; what the vacuum dropped is counted."""
        for dropped in refreshing.assert_clean(self.folder, self.to, self.env, halfway):
            self.figures[f"{dropped['what']} dropped"] += len(dropped["objects"])

    def told(self, what: str, length: float) -> str:
        tenths = Counter(min(int(fraction * 10), 9) for fraction in self.fractions)
        spread = " ".join(str(tenths[tenth]) for tenth in range(10))
        return f"\n  {what}: a run takes {length:.2f} s; kills by tenth of it: {spread}; {dict(self.figures)}"


def test_on_local_disk(tmp_path, partial, capsys):
    """Whatever a killed run left, the next one is not held up by its lease; each twentieth time the lake equals a fresh one and is clean."""
    lake = tmp_path / "lake"
    with program.Sandbox("--rows", ROWS, "--seed", 7) as sandbox:
        killed = Killed(tmp_path, sandbox, partial, lake, sandbox.environment(), seed=1)
        killed.export()
        length = killed.measure()
        for number in range(1, KILLS + 1):
            before = refreshing.versions(lake)
            killed.kill(length)
            killed.figures["versions committed"] += len(refreshing.versions(lake) - before)
            if number % ROUND == 0 or number == KILLS:
                differing = refreshing.differences(lake, refreshing.fresh(tmp_path, sandbox, killed.config, *killed.tables))
                assert not differing, f"after {number} kills, rows of the lake only and of the account only: {differing}"
                killed.clean()
                # Files on disk are the entries of the newest manifests, and beginnings of files are not there either.
                rules.assert_sound(lake)
    with capsys.disabled():
        print(killed.told("local disk", length))
    assert killed.figures["killed"] >= KILLS * 3 // 4, "most runs ended before they could be killed"


def test_in_a_bucket(server, tmp_path, partial, capsys):  # noqa: F811
    """The same in S3, where a killed run also leaves uploads that no listing shows."""
    to, home = f"s3://{BUCKET}/kills", tmp_path / "copy"
    with program.Sandbox("--rows", ROWS, "--seed", 8) as sandbox:
        env = server.environment(sandbox)
        killed = Killed(tmp_path, sandbox, partial, to, env, seed=2)
        before = server.uploads()
        killed.export()
        length = killed.measure()
        for number in range(1, KILLS_S3 + 1):
            killed.kill(length)
            if number % ROUND == 0 or number == KILLS_S3:
                killed.clean()
                assert server.uploads() == before, "uploads are left unfinished"
                refreshing.copied(server.files, f"{BUCKET}/kills", home)
                rules.assert_sound(home, url=to)
                differing = refreshing.differences(home, refreshing.fresh(tmp_path, sandbox, killed.config, *killed.tables))
                assert not differing, f"after {number} kills, rows of the lake only and of the account only: {differing}"
    with capsys.disabled():
        print(killed.told("S3", length))
    assert killed.figures["killed"] >= KILLS_S3 * 3 // 4, "most runs ended before they could be killed"
