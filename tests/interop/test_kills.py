"""Runs killed at random moments while the account moves: the next run works at once, and the lake ends up as the account is."""

import random
import shutil
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
LOADS = 6
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
        self.config = refreshing.configured(folder, reconcile="0s")
        self.random = random.Random(seed)
        self.figures = Counter()
        self.fractions: list[float] = []
        # How long the last undisturbed runs took: the machine has other things to do, now more and now less.
        self.seconds: list[float] = []

    def export(self) -> None:
        outcome = refreshing.export(self.folder, self.sandbox, self.config, *self.tables, to=self.to, env=self.env)
        self.seconds = [*self.seconds[-4:], outcome.seconds]

    def length(self) -> float:
        """How long a refresh takes."""
        return sorted(self.seconds)[len(self.seconds) // 2]

    def churn(self) -> None:
        self.sandbox.post("churn", seed=self.random.randrange(1 << 30), changes=self.random.randrange(5, 40))

    def begin(self) -> None:
        """The first load, and some refreshes."""
        self.export()
        self.seconds.clear()
        for _ in range(5):
            self.churn()
            self.export()

    def kill(self) -> None:
        """One run that is killed, unless it ends before, and the next one."""
        length = self.length()
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

    def told(self, what: str) -> str:
        tenths = Counter(min(int(fraction * 10), 9) for fraction in self.fractions)
        spread = " ".join(str(tenths[tenth]) for tenth in range(10))
        return f"\n  {what}: a run takes {self.length():.2f} s; kills by tenth of it: {spread}; {dict(self.figures)}"


def test_a_first_load(tmp_path, capsys):
    """Killed again and again while it commits as it goes, exploded tables before their parents, until one run gets through: every row is there once."""
    lake, chance = tmp_path / "lake", random.Random(3)
    tables = ["--tables", "exactsales.qualifications,exactsales.tasks,nectarcrm.contatos,sensedata.customers"]
    config = refreshing.configured(tmp_path, checkpoint="1ms")
    kills = 0
    with program.Sandbox("--rows", 30_000, "--table-rows", "nectarcrm.contatos=3000", "--seed", 9) as sandbox:
        length = refreshing.export(tmp_path, sandbox, config, *tables, to=tmp_path / "undisturbed").seconds
        for _ in range(LOADS):
            for _ in range(5):
                running = program.start(refreshing.arguments(config, lake, *tables), cwd=tmp_path, env=sandbox.environment())
                time.sleep(chance.uniform(0, length))
                running.process.send_signal(signal.SIGKILL)
                kills += running.wait(60).code == -signal.SIGKILL
                verified, _ = refreshing.verb("verify", tmp_path, lake)
                assert verified.code == 0, verified.out
            refreshing.export(tmp_path, sandbox, config, *tables)
            differing = refreshing.differences(lake, tmp_path / "undisturbed")
            assert not differing, f"after {kills} kills, rows of the lake only and of the account only: {differing}"
            refreshing.assert_clean(tmp_path, lake)
            shutil.rmtree(lake)
    with capsys.disabled():
        print(f"\n  first load of {length:.2f} s: {kills} kills in {LOADS} loads")
    assert kills >= LOADS


def test_on_local_disk(tmp_path, partial, capsys):
    """Whatever a killed run left, the next one is not held up by its lease; each twentieth time the lake equals a fresh one and is clean."""
    lake = tmp_path / "lake"
    with program.Sandbox("--rows", ROWS, "--seed", 7) as sandbox:
        killed = Killed(tmp_path, sandbox, partial, lake, sandbox.environment(), seed=1)
        killed.begin()
        for number in range(1, KILLS + 1):
            before = refreshing.versions(lake)
            killed.kill()
            killed.figures["versions committed"] += len(refreshing.versions(lake) - before)
            if number % ROUND == 0 or number == KILLS:
                differing = refreshing.differences(lake, refreshing.fresh(tmp_path, sandbox, killed.config, *killed.tables))
                assert not differing, f"after {number} kills, rows of the lake only and of the account only: {differing}"
                killed.clean()
                # Files on disk are the entries of the newest manifests, and beginnings of files are not there either.
                rules.assert_sound(lake)
    with capsys.disabled():
        print(killed.told("local disk"))
    assert killed.figures["killed"] >= KILLS * 3 // 4, "most runs ended before they could be killed"


def test_in_a_bucket(server, tmp_path, partial, capsys):  # noqa: F811
    """The same in S3, where a killed run also leaves uploads that no listing shows."""
    to, home = f"s3://{BUCKET}/kills", tmp_path / "copy"
    with program.Sandbox("--rows", ROWS, "--seed", 8) as sandbox:
        env = server.environment(sandbox)
        killed = Killed(tmp_path, sandbox, partial, to, env, seed=2)
        before = server.uploads()
        killed.begin()
        for number in range(1, KILLS_S3 + 1):
            killed.kill()
            if number % ROUND == 0 or number == KILLS_S3:
                killed.clean()
                assert server.uploads() == before, "uploads are left unfinished"
                refreshing.copied(server.files, f"{BUCKET}/kills", home)
                rules.assert_sound(home, url=to)
                differing = refreshing.differences(home, refreshing.fresh(tmp_path, sandbox, killed.config, *killed.tables))
                assert not differing, f"after {number} kills, rows of the lake only and of the account only: {differing}"
    with capsys.disabled():
        print(killed.told("S3"))
    assert killed.figures["killed"] >= KILLS_S3 * 3 // 4, "most runs ended before they could be killed"
