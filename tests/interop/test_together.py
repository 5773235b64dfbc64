"""Several exports started together on one lake: with the lease one works; without it each version of a table is committed by one."""

import json
import re
import threading
from collections import Counter
from contextlib import contextmanager

import pytest
from pyarrow import fs

import lake as rules
import program
import refreshing
import unhappy
from test_s3 import BUCKET, server  # noqa: F401, a fixture

SOURCE = "exactsales"
# Slow enough that all have begun before one is done.
DELAY = ("--delay-ms", 80)
BUSY = re.compile(r"connection `exactsales` is busy: run [0-9a-f-]{36} on host \S+ since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, last heard of \d+ s ago")


@pytest.fixture(scope="module")
def account():
    """Exact Sales alone: windowed, incremental and full tables, and exploded ones."""
    with program.Sandbox("--rows", 150, "--seed", 21, *DELAY) as running:
        yield running


@pytest.fixture(params=["disk", "bucket"])
def place(request, tmp_path, account):
    """Where the lake is: its address, the environment, and what makes a copy of it on disk."""
    if request.param == "disk":
        return Place(tmp_path / "lake", account.environment(), tmp_path, None, fs.LocalFileSystem())
    running = request.getfixturevalue("server")
    home = f"{BUCKET}/together-{request.node.name.replace('[', '-').replace(']', '')}"
    return Place(f"s3://{home}", running.environment(account), tmp_path, home, running.files)


class Place:
    """A lake on disk or in a bucket."""

    def __init__(self, to, env, folder, home, files):
        self.to, self.env, self.folder, self.home, self.files = to, env, folder, home, files
        self.config = refreshing.configured(folder, sources=[SOURCE], reconcile="0s")

    def start(self, count: int, *args, name: str = "run", taken: Counter | None = None) -> list[program.Outcome]:
        """So many runs started at one moment, each to its end. Where leases are `taken` away, each as soon as the one before has lost its own."""
        arguments = refreshing.arguments(self.config, self.to, *args)
        runs = []
        for number in range(count):
            before = taken["leases"] if taken is not None else 0
            runs.append(program.start(arguments, cwd=self.folder, env=self.env, report=self.folder / f"{name}-{number}.json"))
            if taken is not None:
                unhappy.eventually(lambda: taken["leases"] > before or runs[-1].process.poll() is not None, "the lease is taken away")
        return [running.wait(240) for running in runs]

    def copy(self):
        """The lake on disk."""
        if self.home:
            refreshing.copied(self.files, self.home, self.folder / "copy")
            return self.folder / "copy"
        return self.to

    def assert_right(self, account) -> dict[str, dict]:
        """The lake is clean, whole, and as a fresh one."""
        refreshing.assert_clean(self.folder, self.to, self.env)
        newest = rules.assert_sound(self.copy(), url=str(self.to) if self.home else None)
        differing = refreshing.differences(self.copy(), refreshing.fresh(self.folder, account, self.config))
        assert not differing, f"rows of the lake only and of the account only: {differing}"
        return newest

    @contextmanager
    def without_leases(self):
        """Takes every lease away as soon as it is seen, until the end."""
        ended, taken = threading.Event(), Counter()
        folder = f"{self.home}/{SOURCE}/_lease" if self.home else str(self.to / SOURCE / "_lease")

        def work():
            while not ended.wait(0.002):
                for found in self.files.get_file_info(fs.FileSelector(folder, allow_not_found=True)):
                    if not rules.MANIFEST.match(found.base_name):
                        continue  # The beginning of one.
                    try:
                        self.files.delete_file(found.path)
                        taken["leases"] += 1
                    except OSError:
                        pass  # Its holder was quicker.

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield taken
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("count", [2, 5])
def test_one_works(account, place, count, capsys):
    """The others say at once who is at work, where and since when, and spend no request; or leave it, or wait, as they are told."""
    before = account.tell("requests")[SOURCE]["requests"]
    outcomes = place.start(count)
    asked = account.tell("requests")[SOURCE]["requests"] - before
    assert sorted(outcome.code for outcome in outcomes) == [0] + [2] * (count - 1), [outcome.err for outcome in outcomes]
    (worked,) = [outcome for outcome in outcomes if outcome.code == 0]
    assert asked == sum(table["requests"] for table in worked.report["tables"])
    for outcome in outcomes:
        if outcome.code:
            told = BUSY.search(outcome.err)
            assert told and worked.report["run_id"] in told[0], outcome.err
            assert "--if-busy skip" in outcome.err and outcome.report is None, outcome.err
    assert {manifest["version"] for manifest in place.assert_right(account).values()} == {1}

    account.post("churn", seed=count, changes=40, tables=",".join(f"{SOURCE}.{table}" for table in ("tasks", "leads", "boxes")))
    skipped = place.start(count, "--if-busy", "skip", name="skip")
    assert [outcome.code for outcome in skipped] == [0] * count, [outcome.err for outcome in skipped]
    left = [outcome for outcome in skipped if outcome.report is None]
    assert len(left) == count - 1 and all("left out, run" in outcome.err and "is at work on it" in outcome.err for outcome in left), [o.err for o in skipped]

    account.post("churn", seed=count + 1, changes=40, tables=",".join(f"{SOURCE}.{table}" for table in ("tasks", "leads", "boxes")))
    waited = place.start(2, "--if-busy", "wait", name="wait")
    assert [outcome.code for outcome in waited] == [0, 0], [outcome.err for outcome in waited]
    assert sum("is at work on it; waiting" in outcome.err for outcome in waited) == 1, [outcome.err for outcome in waited]
    changed = sorted(sum(table["rows_changed"] for table in outcome.report["tables"]) for outcome in waited)
    assert changed[0] == 0 < changed[1], "the one that waited found nothing to do"
    place.assert_right(account)
    with capsys.disabled():
        print(f"\n  {count} together: codes {sorted(o.code for o in outcomes)}, {asked} requests, e.g. {BUSY.search([o for o in outcomes if o.code][0].err)[0]!r}")


@pytest.mark.parametrize("count", [2, 5])
def test_without_the_lease_the_data_is_right_all_the_same(account, place, count, capsys):
    """A lease that is taken away costs requests, not rows: each version is committed by one run, work that was done already is not done again."""
    # Without a look for deletions, which is a commit of its own; the full refresh finds them.
    place.config = refreshing.configured(place.folder, sources=[SOURCE])
    figures = []
    with place.without_leases() as taken:
        for round, mode in enumerate(["load", "refresh", "full refresh"]):
            if round:
                account.post("churn", seed=count * 10 + round, changes=60, tables=",".join(f"{SOURCE}.{t}" for t in ("tasks", "leads", "boxes", "leadssold")))
            before = written_versions(place.copy()) if round else {}
            outcomes = place.start(count, *(["--full-refresh"] if mode == "full refresh" else []), name=mode.replace(" ", "-"), taken=taken)
            for outcome in outcomes:
                assert outcome.code in (0, 1), outcome.err
                for table in outcome.report["tables"]:
                    if table["status"] == "failed":
                        said = f"{table['error']['message']} {table['error'].get('hint')}"
                        assert "another run" in said or "has taken over" in said, said
            after = written_versions(place.copy())
            made = {table: len(after[table] - before.get(table, set())) for table in after}
            statuses = Counter(status for outcome in outcomes for status in outcome.statuses().values())
            requests = [sum(table["requests"] for table in outcome.report["tables"]) for outcome in outcomes]
            families = {table: n for table, n in made.items() if n > 1 and not alone(table, after)}
            figures.append(f"{mode}: {dict(statuses)}, requests {requests}, families written more than once {families}")
            # What was deleted is found by the full refresh only.
            lacking = refreshing.differences(place.copy(), refreshing.fresh(place.folder, account, place.config))
            assert not lacking or mode == "refresh" and all(counts[1] == 0 for counts in lacking.values()), f"{mode}: {lacking}"
            verified, _ = refreshing.verb("verify", place.folder, place.to, env=place.env)
            assert verified.code == 0, f"{mode}: {verified.out}"
            # Of a family the exploded tables are committed first. A run that loses there, before the parent is committed, writes the family once more.
            if mode != "full refresh":
                assert {table: n for table, n in made.items() if n > 1 and alone(table, after)} == {}, "written by more than one run"
    place.assert_right(account)
    with capsys.disabled():
        print(f"\n  {count} without a lease ({taken['leases']} taken away):", *figures, sep="\n    ")
    assert taken["leases"] > 0


def alone(table: str, tables) -> bool:
    """Whether nothing is exploded from a table, nor it from another."""
    return "__" not in table and not any(other.startswith(f"{table}__") for other in tables)


def written_versions(lake) -> dict[str, set[int]]:
    """For each table the versions that brought a data file."""
    found: dict[str, set[int]] = {}
    for file in refreshing.versions(lake):
        manifest = json.loads(file.read_text("utf-8"))
        own = f"part-{manifest['version']}-"
        if any(entry["path"].rsplit("/", 1)[-1].startswith(own) for entry in manifest["entries"]):
            found.setdefault(f"{manifest['connection']}.{manifest['table']}", set()).add(manifest["version"])
    return found
