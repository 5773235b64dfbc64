"""A lake in a bucket of a real S3 server that checks signatures (SeaweedFS)."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.dataset
import pytest
from pyarrow import fs

import lake as rules
import program

KEY, SECRET = "AKIAINTEROP000000000", "interop-secret-key-not-a-secret"
BUCKET = "lake"
TABLES = [f"exactsales.{table['id']}" for table in program.CATALOG["exactsales"]]


@dataclass
class Server:
    """The server's address and a client of it that is not ours."""

    endpoint: str
    files: fs.S3FileSystem

    def environment(self, sandbox, **changed: str) -> dict[str, str]:
        usual = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": f"http://{self.endpoint}",
        }
        return sandbox.environment(**usual | changed)

    def export(self, folder, sandbox, *args, to: str = f"s3://{BUCKET}/crm/acme", **changed: str) -> program.Outcome:
        arguments = ["export", "exactsales", "--to", to, "--config", program.unthrottled(folder), *args]
        return program.run(arguments, cwd=folder, env=self.environment(sandbox, **changed), report=folder / "report.json", timeout=120)


def free_ports(count: int) -> list[int]:
    """Ports that are free here and 10,000 above, where SeaweedFS listens as well."""
    found = []
    for port in range(20_000 + os.getpid() % 1_000 * 25, 55_000):
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
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
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
            with files.open_output_stream(f"{BUCKET}/ready") as out:
                out.write(b"ready")
            files.delete_file(f"{BUCKET}/ready")
            break
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"SeaweedFS does not serve: {error}\n{(folder / 'log').read_text()[-3000:]}") from error
            time.sleep(0.25)
    yield Server(endpoint, files)
    # Its orderly end takes half a minute, for data that nobody needs any more.
    process.kill()
    process.wait(30)


@pytest.fixture(scope="module")
def exported(server, sandbox, tmp_path_factory):
    """One source in the bucket, exported twice: the second run replaces the first."""
    folder = tmp_path_factory.mktemp("s3")
    runs = [server.export(folder, sandbox), server.export(folder, sandbox)]
    for outcome in runs:
        assert outcome.code == 0, outcome.err
    return runs


def objects(server, selector: str) -> dict[str, int]:
    found = server.files.get_file_info(fs.FileSelector(selector, recursive=True))
    return {info.path: info.size for info in found if info.type == fs.FileType.File}


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
