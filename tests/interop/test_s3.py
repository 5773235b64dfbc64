"""A lake in a bucket of a real S3 server that checks signatures (SeaweedFS)."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.dataset
import pytest
from pyarrow import fs

import lake as rules
import program
import unhappy
from s3_proxy import S3Proxy, delay, hang_up, hold, lose_the_answer, refuse

KEY, SECRET = "AKIAINTEROP000000000", "interop-secret-key-not-a-secret"
BUCKET = "lake"
# What anybody may read and write.
OPEN = "open"
TABLES = [f"exactsales.{table['id']}" for table in program.CATALOG["exactsales"]]


@dataclass
class Server:
    """The server's address and a client of it that is not ours."""

    endpoint: str
    files: fs.S3FileSystem
    filer: str

    def environment(self, sandbox, **changed: str) -> dict[str, str]:
        return sandbox.environment(**self.credentials() | changed)

    def export(self, folder, sandbox, *args, to: str = f"s3://{BUCKET}/crm/acme", **changed: str) -> program.Outcome:
        arguments = ["export", "exactsales", "--to", to, "--config", program.unthrottled(folder), *args]
        return program.run(arguments, cwd=folder, env=self.environment(sandbox, **changed), report=folder / "report.json", timeout=120)

    def vacuum(self, folder, to: str, *args, **changed: str) -> tuple[program.Outcome, dict]:
        """A vacuum's outcome, and what it wrote, as JSON."""
        env = program.environment(**self.credentials() | changed)
        outcome = program.run(["vacuum", "--to", to, "-o", "json", *args], cwd=folder, env=env, timeout=120)
        return outcome, json.loads(outcome.out) if outcome.out else {}

    def credentials(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": f"http://{self.endpoint}",
        }

    def uploads(self, bucket: str = BUCKET) -> set[str]:
        """The unfinished uploads of a bucket, as the server's own storage shows them."""
        request = urllib.request.Request(f"http://{self.filer}/buckets/{bucket}/.uploads/?limit=1000", headers={"Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return {entry["FullPath"] for entry in json.load(reply)["Entries"] or ()}
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            return set()


def free_ports(count: int) -> list[int]:
    """Ports that are free here and 10,000 above, where SeaweedFS listens as well. Below 32,768: what is above the machine gives to connections, at any moment."""
    found = []
    for port in range(11_000 + os.getpid() % 1_000 * 10, 22_000):
        try:
            for number in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """SeaweedFS with one identity and one bucket."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    weed = Path(sys.executable).with_name("weed")
    weed = weed if weed.exists() else Path(shutil.which("weed") or "weed")
    identity = {"name": "lake", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    anybody = {"name": "anonymous", "actions": [f"{action}:{OPEN}" for action in ("Read", "List", "Write", "Tagging")]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity, anybody]}))
    (folder / "data").mkdir()
    master, volume, filer, s3 = free_ports(4)
    command = [weed, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]
    command += [f"-master.port={master}", f"-volume.port={volume}", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    command += ["-filer", f"-filer.port={filer}", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder)
    endpoint = f"127.0.0.1:{s3}"
    files = fs.S3FileSystem(
        access_key=KEY, secret_key=SECRET, endpoint_override=endpoint, scheme="http", region="us-east-1", allow_bucket_creation=True
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            files.create_dir(BUCKET)
            files.create_dir(OPEN)
            with files.open_output_stream(f"{BUCKET}/ready") as out:
                out.write(b"ready")
            files.delete_file(f"{BUCKET}/ready")
            break
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"SeaweedFS does not serve: {error}\n{(folder / 'log').read_text()[-3000:]}") from error
            time.sleep(0.25)
    yield Server(endpoint, files, f"127.0.0.1:{filer}")
    # Its orderly end takes half a minute, for data that nobody needs any more.
    process.kill()
    process.wait(30)


@pytest.fixture(scope="module")
def exported(server, sandbox, tmp_path_factory):
    """One source in the bucket, exported twice: the second run reads everything again and replaces the first."""
    folder = tmp_path_factory.mktemp("s3")
    runs = [server.export(folder, sandbox), server.export(folder, sandbox, "--full-refresh")]
    for outcome in runs:
        assert outcome.code == 0, outcome.err
    return runs


def objects(server, selector: str) -> dict[str, int]:
    found = server.files.get_file_info(fs.FileSelector(selector, recursive=True))
    return {info.path: info.size for info in found if info.type == fs.FileType.File}


def test_the_suite_of_the_stores_holds_in_a_bucket(server):
    """What any lake must do, in Rust: the same suite that runs over memory and local disk."""
    command = ["cargo", "test", "--locked", "--lib", "--", "--ignored", "bucket"]
    env = program.environment(AFLUENTE_TEST_S3=f"s3://{BUCKET}/suite", **server.credentials())
    outcome = subprocess.run(command, cwd=program.REPOSITORY, env=env, capture_output=True, text=True, timeout=590)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "test result: ok. 2 passed" in outcome.stdout, outcome.stdout


def test_a_bucket_is_a_lake(server, sandbox, exported):
    """Every table is read back from the bucket by PyArrow with the sandbox's rows, each once after two runs."""
    counts = sandbox.tell("row_counts")
    assert exported[-1].statuses() == dict.fromkeys(TABLES, "committed")
    for table in TABLES:
        dataset = pyarrow.dataset.dataset(
            f"{BUCKET}/crm/acme/{table.replace('.', '/')}", filesystem=server.files, format="parquet", partitioning="hive"
        )
        assert dataset.count_rows() == counts[table], table


def test_its_manifests_tell_the_truth(server, exported):
    """Each entry's absolute address, size and hash are those of an object; no other data file is there."""
    for table in TABLES:
        home = f"{BUCKET}/crm/acme/{table.replace('.', '/')}"
        there = objects(server, home)
        manifest = json.loads(server.files.open_input_file(f"{home}/_manifest/{2:020}.json").read())
        assert manifest["version"] == exported[-1].table(table)["version"] == 2
        named = {f"{home}/{entry['path']}": entry for entry in manifest["entries"]}
        assert {path for path in there if path.endswith(".parquet")} == set(named), table
        for path, entry in named.items():
            assert entry["url"] == f"s3://{path}"
            assert entry["meta"]["content_length"] == there[path]
            assert entry["meta"]["sha256"] == hashlib.sha256(server.files.open_input_file(path).read()).hexdigest()


def test_no_secret_reaches_the_bucket(server, sandbox, exported):
    """Neither a token nor the lake's own secret stands in an object, a report or a message."""
    secrets = [*sandbox.tokens, SECRET]
    for path in objects(server, BUCKET):
        data = server.files.open_input_file(path).read()
        assert not any(secret.encode() in data for secret in secrets), path
    rules.assert_secret(secrets, None, *(text for run in exported for text in (run.out, run.err, json.dumps(run.report))))


@pytest.mark.parametrize(
    "changed, to, words",
    [
        ({"AWS_SECRET_ACCESS_KEY": "not-the-secret-of-this-key"}, f"s3://{BUCKET}/x", ["AWS_SECRET_ACCESS_KEY", f"s3://{BUCKET}/x"]),
        ({"AWS_ACCESS_KEY_ID": "AKIANOBODY0000000000"}, f"s3://{BUCKET}/x", ["AWS_ACCESS_KEY_ID", f"s3://{BUCKET}/x"]),
        ({}, "s3://no-such-bucket/x", ["bucket", "s3://no-such-bucket/x"]),
    ],
    ids=["wrong secret", "wrong key", "missing bucket"],
)
def test_a_bucket_that_cannot_be_written(server, sandbox, tmp_path, changed, to, words):
    """The address and the remedy are named, nothing was asked of the vendor, and the exit code says that nothing was started."""
    before = sandbox.tell("requests")["exactsales"]["requests"]
    outcome = server.export(tmp_path, sandbox, to=to, **changed)
    assert outcome.code == 2, outcome.err
    assert "hint:" in outcome.err
    assert all(word in outcome.err for word in words), outcome.err
    assert sandbox.tell("requests")["exactsales"]["requests"] == before
    rules.assert_secret([*sandbox.tokens, SECRET, *(v for k, v in changed.items() if "SECRET" in k)], None, outcome.err, outcome.out)


def test_an_endpoint_that_does_not_answer(server, sandbox, closed_port, tmp_path):
    """A wrong endpoint is told as one, soon."""
    outcome = server.export(tmp_path, sandbox, AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{closed_port}")
    assert outcome.code == 2, outcome.err
    assert "AWS_ENDPOINT_URL_S3" in outcome.err and "hint:" in outcome.err
    assert outcome.seconds < 60


def test_missing_credentials(server, sandbox, tmp_path):
    """Without credentials the message says which variables to set, without minutes of waiting for a cloud's own."""
    env = server.environment(sandbox)
    del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    arguments = ["export", "exactsales", "--to", f"s3://{BUCKET}/x", "--config", program.unthrottled(tmp_path)]
    outcome = program.run(arguments, cwd=tmp_path, env=env, timeout=90)
    assert outcome.code == 2, outcome.err
    assert "AWS_ACCESS_KEY_ID" in outcome.err and "hint:" in outcome.err


def assert_whole(server, sandbox, home: str) -> dict[str, dict]:
    """Every table's newest manifest names exactly the data files that are there, with their bytes and the sandbox's rows."""
    counts = sandbox.tell("row_counts")
    newest = {}
    for table in TABLES:
        folder = f"{home}/{table.replace('.', '/')}"
        there = objects(server, folder)
        manifest = json.loads(server.files.open_input_file(max(path for path in there if "/_manifest/" in path)).read())
        named = {f"{folder}/{entry['path']}": entry["meta"] for entry in manifest["entries"]}
        assert {path for path in there if path.endswith(".parquet")} == set(named), table
        for path, meta in named.items():
            assert meta["sha256"] == hashlib.sha256(server.files.open_input_file(path).read()).hexdigest(), path
        assert manifest["rows"] == counts[table], table
        newest[table] = manifest
    return newest


@pytest.mark.parametrize(
    "name, action",
    [
        ("drops", hang_up),
        ("lost-answers", lose_the_answer),
        ("slow-down", refuse(503, "SlowDown")),
        ("internal-error", refuse(500, "InternalError")),
        ("delays", delay(0.5)),
    ],
)
def test_a_store_that_misbehaves(server, sandbox, tmp_path, name, action):
    """Every fifth request of every kind goes wrong, uploads and commits among them: requests are sent again, and the lake is whole."""
    with S3Proxy(server.endpoint, lambda kind, nth, key: action if nth % 5 == 2 else None) as proxy:
        for version in (1, 2):
            changed = {"AWS_ENDPOINT_URL_S3": f"http://{proxy.endpoint}"}
            outcome = server.export(tmp_path, sandbox, "--full-refresh", to=f"s3://{BUCKET}/{name}", **changed)
            assert outcome.code == 0, outcome.err
            assert outcome.statuses() == dict.fromkeys(TABLES, "committed")
    assert {"create", "list", "delete"} <= set(proxy.taken), proxy.taken
    assert {"put", "part"} & set(proxy.taken), proxy.taken
    manifests = assert_whole(server, sandbox, f"{BUCKET}/{name}")
    assert {manifest["version"] for manifest in manifests.values()} == {2}
    rules.assert_secret([*sandbox.tokens, SECRET], None, outcome.err, outcome.out)


def test_a_commit_that_the_store_refuses_fails_its_table_alone(server, sandbox, tmp_path):
    """A store that refuses one table's manifest for good: the table fails with its address, the others are committed."""
    victim = "exactsales.losts"

    def script(kind, nth, key):
        return refuse(403, "AccessDenied") if kind == "create" and "/losts/_manifest/" in key else None

    with S3Proxy(server.endpoint, script) as proxy:
        outcome = server.export(tmp_path, sandbox, to=f"s3://{BUCKET}/refused", AWS_ENDPOINT_URL_S3=f"http://{proxy.endpoint}")
    assert outcome.code == 1, outcome.err
    assert outcome.statuses() == dict.fromkeys(TABLES, "committed") | {victim: "failed"}
    error = outcome.table(victim)["error"]
    assert "/losts/_manifest/" in error["message"] and "s3:PutObject" in error["hint"], error


def test_a_clock_that_is_off(server, sandbox, tmp_path):
    """The server refuses requests that were signed 20 minutes ago, and the message says that the clock is wrong; 10 minutes do no harm."""
    (tmp_path / "clock.c").write_text(
        """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        int clock_gettime(clockid_t clock, struct timespec *now) {
            static int (*real)(clockid_t, struct timespec *);
            if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
            int done = real(clock, now);
            if (clock == CLOCK_REALTIME) now->tv_sec += atol(getenv("CLOCK_OFFSET"));
            return done;
        }
        """
    )
    shim = tmp_path / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, tmp_path / "clock.c", "-ldl"], check=True)
    for offset, code in ((-20 * 60, 2), (20 * 60, 2), (-10 * 60, 0)):
        changed = {"LD_PRELOAD": str(shim), "CLOCK_OFFSET": str(offset)}
        outcome = server.export(tmp_path, sandbox, to=f"s3://{BUCKET}/clock", **changed)
        assert outcome.code == code, f"{offset}: {outcome.err}"
        assert ("RequestTimeTooSkewed" in outcome.err and "clock" in outcome.err and "hint:" in outcome.err) == (code == 2), outcome.err
    outcome, _ = server.vacuum(tmp_path, f"s3://{BUCKET}/clock", LD_PRELOAD=str(shim), CLOCK_OFFSET="-1200")
    assert outcome.code == 2 and "RequestTimeTooSkewed" in outcome.err, outcome.err


def test_vacuum_ends_what_a_killed_run_left_in_the_bucket(server, sandbox, tmp_path):
    """Uploads that kill -9 left unfinished are listed by a dry run, which leaves them, and then dropped; the lake stays whole."""
    to = f"s3://{BUCKET}/killed"
    assert server.export(tmp_path, sandbox, to=to).code == 0
    before = server.uploads()
    release = threading.Event()
    with S3Proxy(server.endpoint, lambda kind, nth, key: hold(release) if kind == "complete" else None) as proxy:
        arguments = ["export", "exactsales", "--full-refresh", "--to", to, "--config", program.unthrottled(tmp_path)]
        env = server.environment(sandbox, AWS_ENDPOINT_URL_S3=f"http://{proxy.endpoint}")
        running = program.start(arguments, cwd=tmp_path, env=env)
        try:
            unhappy.eventually(lambda: proxy.seen["complete"] >= 2, "uploads are about to be completed")
            running.signal(signal.SIGKILL)
            assert running.wait(30).code == -signal.SIGKILL
        finally:
            release.set()
    left = server.uploads() - before
    assert len(left) >= 2, left

    outcome, found = server.vacuum(tmp_path, to, "--dry-run")
    assert outcome.code == 0 and "nothing was deleted" in outcome.err, outcome.err
    unfinished = [thing for thing in found["dropped"] if thing["what"] == "unfinished"]
    assert found["dry_run"] and sum(len(thing["objects"]) for thing in unfinished) == len(left), found
    assert server.uploads() - before == left

    outcome, dropped = server.vacuum(tmp_path, to)
    assert outcome.code == 0, outcome.err
    assert dropped["dropped"] == found["dropped"] and not dropped["failed"]
    assert server.uploads() == before, "neither those of this lake stay nor those of another go"
    assert_whole(server, sandbox, f"{BUCKET}/killed")
    outcome, again = server.vacuum(tmp_path, to)
    assert outcome.code == 0 and again["dropped"] == [], again
    rules.assert_secret([*sandbox.tokens, SECRET], None, outcome.err, outcome.out)


def test_a_person_is_forgotten_in_the_bucket(server, sandbox, tmp_path):
    """The lead and those who speak for it are in no object any more; everybody else is, and nothing is left behind."""
    to, home = f"s3://{BUCKET}/forgotten", f"{BUCKET}/forgotten/exactsales"
    assert server.export(tmp_path, sandbox, to=to).code == 0

    def people() -> list[dict]:
        files = [path for path in objects(server, f"{home}/leadspersons__persons") if path.endswith(".parquet")]
        return pyarrow.dataset.dataset(files, filesystem=server.files, format="parquet").to_table().to_pylist()

    before = people()
    lead = next(person["lead_id"] for person in before if person["persons_email"])
    args = ["forget", "exactsales", "--table", "leadspersons", "--key", f"{lead:.0f}", "--to", to, "-o", "json"]
    outcome = program.run(args, cwd=tmp_path, env=program.environment(**server.credentials()), timeout=120)
    assert outcome.code == 0, outcome.err
    gone = [person for person in before if person["lead_id"] == lead]
    assert json.loads(outcome.out)["rows"] == {"leadspersons": 1, "leadspersons__persons": len(gone)}
    assert people() == [person for person in before if person["lead_id"] != lead]
    for table in ("leadspersons", "leadspersons__persons"):
        manifest = json.loads(server.files.open_input_file(f"{home}/{table}/_manifest/{2:020}.json").read())
        named = {f"{home}/{table}/{entry['path']}" for entry in manifest["entries"]}
        assert {path for path in objects(server, f"{home}/{table}") if path.endswith(".parquet")} == named, "the older files are gone at once"
    checked = program.run(["verify", "--to", to], cwd=tmp_path, env=program.environment(**server.credentials()), timeout=120)
    assert checked.code == 0 and "0 faults, 0 warnings" in checked.err, checked.out + checked.err
    rules.assert_secret([*sandbox.tokens, SECRET], None, outcome.err, outcome.out)


def test_a_listing_of_uploads_that_is_refused_keeps_nothing_else_from_being_dropped(server, sandbox, tmp_path):
    """A store without such a listing: the vacuum says so and goes on. One that stumbles is asked again."""
    to = f"s3://{BUCKET}/unlisted"
    assert server.export(tmp_path, sandbox, to=to).code == 0
    folder = f"{BUCKET}/unlisted/exactsales/losts"
    for script, unseen in (
        (lambda kind, nth, key: refuse(501, "NotImplemented") if kind == "list uploads" else None, True),
        (lambda kind, nth, key: refuse(403, "AccessDenied") if kind == "list uploads" else None, True),
        (lambda kind, nth, key: refuse(503, "SlowDown") if kind == "list uploads" and nth <= 2 else None, False),
    ):
        with server.files.open_output_stream(f"{folder}/part-1-99-0123abcd.parquet") as out:
            out.write(b"an orphan")
        with S3Proxy(server.endpoint, script) as proxy:
            outcome, found = server.vacuum(tmp_path, to, AWS_ENDPOINT_URL_S3=f"http://{proxy.endpoint}")
        assert outcome.code == 0, outcome.err
        assert ("uploads were not looked for" in outcome.err) == unseen, outcome.err
        assert [thing["what"] for thing in found["dropped"]] == ["superseded"], found
        rules.assert_secret([SECRET, "X-Amz-Signature"], None, outcome.err, outcome.out)


@contextmanager
def metadata(answers: dict[tuple[str, str], str]):
    """A machine's metadata service: the answer to each method and path."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            seen.append((self.command, self.path, self.headers.get("Authorization")))
            text = answers.get((self.command, self.path))
            self.send_response(404 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "").encode())

        do_GET = do_PUT = answer

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", seen
        listening.shutdown()


def granted() -> str:
    """What such a service grants, without a session: the server here knows none."""
    return json.dumps({"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": "session-token", "Expiration": "2099-01-01T00:00:00Z"})


@pytest.mark.parametrize("kind", ["container", "instance"])
def test_credentials_of_the_machine(server, sandbox, tmp_path, kind):
    """Without keys in the environment they are asked of the container's or the machine's service, and requests are signed with them."""
    env = server.environment(sandbox)
    del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    role = "/latest/meta-data/iam/security-credentials/"
    answers = {
        ("GET", "/role"): granted(),
        ("PUT", "/latest/api/token"): "imds",
        ("GET", role): "etl",
        ("GET", f"{role}etl"): granted(),
    }
    with metadata(answers) as (address, seen), S3Proxy(server.endpoint) as proxy:
        env["AWS_ENDPOINT_URL_S3"] = f"http://{proxy.endpoint}"
        if kind == "container":
            (tmp_path / "token").write_text("let me in")
            env |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/role", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token")}
        else:
            env["AWS_METADATA_ENDPOINT"] = address
        arguments = ["vacuum", "--to", f"s3://{BUCKET}/machine"]
        outcome = program.run(arguments, cwd=tmp_path, env=env, timeout=90)
    assert seen[-1][:2] == (("GET", "/role") if kind == "container" else ("GET", f"{role}etl")), outcome.err
    if kind == "container":
        assert seen[-1][2] == "let me in"
    signed = [headers for headers in proxy.headers if f"Credential={KEY}/" in headers.get("authorization", "")]
    assert signed and all(headers["x-amz-security-token"] == "session-token" for headers in signed), proxy.headers
    rules.assert_secret([SECRET, "session-token"], None, outcome.err, outcome.out)


def test_without_a_signature(server, sandbox, tmp_path):
    """A bucket that anybody may write takes requests that are not signed; unfinished uploads cannot be listed there, which is told."""
    env = server.environment(sandbox, AWS_SKIP_SIGNATURE="true")
    del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    to = f"s3://{OPEN}/crm"
    arguments = ["export", "exactsales", "--to", to, "--config", program.unthrottled(tmp_path)]
    outcome = program.run(arguments, cwd=tmp_path, env=env, report=tmp_path / "report.json", timeout=120)
    assert outcome.code == 0, outcome.err
    assert_whole(server, sandbox, f"{OPEN}/crm")
    outcome = program.run(["vacuum", "--to", to], cwd=tmp_path, env=env, timeout=120)
    assert outcome.code == 0 and "not signed" in outcome.err, outcome.err
    arguments[arguments.index(to)] = f"s3://{BUCKET}/crm-of-anybody"
    outcome = program.run(arguments, cwd=tmp_path, env=env, timeout=120)
    assert outcome.code == 2 and "AccessDenied" in outcome.err, outcome.err
