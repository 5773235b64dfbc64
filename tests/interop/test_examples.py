"""The examples of scheduling are what this program takes: their commands, their configurations, and what one of their files says of another."""

import ast
import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import program

EXAMPLES = program.REPOSITORY / "examples"
SCHEDULERS = ("airflow", "cron", "github-actions", "kubernetes", "systemd")
VERSION = tomllib.loads((program.REPOSITORY / "Cargo.toml").read_text("utf-8"))["package"]["version"]


def crontab() -> list[tuple[str, str, str]]:
    """When, user and command of each line, as /etc/cron.d has them."""
    lines = (EXAMPLES / "cron" / "afluente.cron").read_text("utf-8").splitlines()
    entries = [line.split(None, 6) for line in lines if re.match(r"[\d*]", line)]
    return [(" ".join(entry[:5]), entry[5], entry[6]) for entry in entries]


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """Section → key → values, in order. A key may stand there several times, which configparser would refuse."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in (EXAMPLES / "systemd" / name).read_text("utf-8").splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = found.setdefault(header[1], {})
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals and key.isalpha(), f"{name}: neither a key nor a comment: {line!r}"
            section.setdefault(key, []).append(value)
    return found


def manifests() -> list[dict]:
    return list(yaml.safe_load_all((EXAMPLES / "kubernetes" / "afluente.yaml").read_text("utf-8")))


def pods() -> list[dict]:
    return [document["spec"]["jobTemplate"]["spec"]["template"]["spec"] for document in manifests() if document["kind"] == "CronJob"]


def containers() -> list[dict]:
    return [container for pod in pods() for container in pod.get("initContainers", []) + pod["containers"]]


def workflow() -> dict:
    return yaml.safe_load((EXAMPLES / "github-actions" / "afluente.yml").read_text("utf-8"))


def dag() -> ast.Module:
    return ast.parse((EXAMPLES / "airflow" / "afluente_dag.py").read_text("utf-8"))


def strings(tree: ast.AST) -> list[str]:
    """Texts of a Python file; what an f-string fills in is a word of its own."""
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    return ["".join(part.value if isinstance(part, ast.Constant) else "FILLED" for part in node.values) for node in joined]


def code(page: Path) -> list[str]:
    """Blocks and spans of code of a Markdown file."""
    blocks = re.split(r"^```\w*$", page.read_text("utf-8"), flags=re.MULTILINE)
    return blocks[1::2] + [span for text in blocks[::2] for span in re.findall(r"`([^`]+)`", text)]


def shell_texts() -> dict[str, list[str]]:
    """By scheduler, all that a shell or an exec is given, with the program's name where an image stands for it."""
    texts = {
        "airflow": strings(dag()),
        "cron": [command for _, _, command in crontab()],
        "github-actions": [step["run"].replace('"$IMAGE"', "; afluente") for job in workflow()["jobs"].values() for step in job["steps"] if "run" in step],
        "kubernetes": [shlex.join(["afluente", *container["args"]]) for container in containers()],
        "systemd": [start for name in ("afluente.service", "afluente-weekly.service") for start in unit(name)["Service"]["ExecStart"]],
        "docs": code(program.REPOSITORY / "docs" / "scheduling.md"),
    }
    for scheduler in SCHEDULERS:
        texts[scheduler] += code(EXAMPLES / scheduler / "README.md")
    return texts


def commands(text: str) -> list[list[str]]:
    """The arguments of each `afluente ...` in a shell's text."""
    found = []
    for piece in re.split(r"\n|;|&&|\|+|[{}']", text.replace("\\\n", " ")):
        if simple := re.match(r"\s*(?:/usr/local/bin/)?afluente (.+)", piece):
            words = shlex.split(simple[1], comments=True)
            found.append([word for word in words if not re.match(r"\d*>", word)])
    return found


COMMANDS = {scheduler: [args for text in texts for args in commands(text)] for scheduler, texts in shell_texts().items()}
DISTINCT = sorted({tuple(args) for found in COMMANDS.values() for args in found})


@pytest.mark.parametrize("args", DISTINCT, ids=" ".join)
def test_commands_are_taken(args, tmp_path):
    """`--help` at the end: what stands before it is parsed and its values checked, and nothing is done."""
    outcome = program.run([*args, "--help"], cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    assert "Usage: afluente" in outcome.out


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_schedulers_export_vacuum_and_verify(scheduler):
    verbs = [args[0] for args in COMMANDS[scheduler]]
    assert {"export", "vacuum", "verify"} <= set(verbs)
    assert verbs.index("vacuum") < verbs.index("verify"), "an orphan fails `verify` until `vacuum` has deleted it"
    for args in COMMANDS[scheduler]:
        if args[0] == "export" and len(args) > 1:
            assert ("--if-busy", "skip") in zip(args, args[1:]), args


def configurations() -> dict[str, str]:
    found = {str(file.relative_to(EXAMPLES)): file.read_text("utf-8") for file in EXAMPLES.glob("**/afluente.toml")}
    found["kubernetes/ConfigMap"] = next(document["data"]["afluente.toml"] for document in manifests() if document["kind"] == "ConfigMap")
    return found


@pytest.mark.parametrize("name", sorted(configurations()))
def test_configurations_are_taken(name, tmp_path):
    """Everything is right but the token, which the caller's environment does not hold."""
    (tmp_path / "afluente.toml").write_text(configurations()[name], "utf-8")
    outcome = program.run(["export"], cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    assert outcome.code == 2, outcome.err
    token = next(iter(tomllib.loads(configurations()[name])["connections"].values()))["token"]
    assert next(iter(token.values())) in outcome.err.splitlines()[0]
    assert "token" in outcome.err.splitlines()[0]


def test_crontab_is_one():
    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    for when, user, command in crontab():
        for field, (least, greatest) in zip(when.split(), ranges, strict=True):
            assert field == "*" or least <= int(field) <= greatest, when
        assert user == "afluente"
        assert "%" not in command, "cron makes a line feed of it"
        subprocess.run(["sh", "-n", "-c", command], check=True)
    hourly, weekly = (when.split()[0] for when, _, _ in crontab())
    assert hourly != weekly


def test_units_fit_together():
    for name in ("afluente", "afluente-weekly"):
        assert unit(f"{name}.timer")["Install"]["WantedBy"] == ["timers.target"]
        service = unit(f"{name}.service")["Service"]
        assert service["Type"] == ["oneshot"] and service["User"] == ["afluente"] and service["ProtectSystem"] == ["strict"]
    credential = service_credential()
    assert tomllib.loads(configurations()["systemd/afluente.toml"])["connections"]["acme"]["token"] == {"file": credential}
    service = unit("afluente.service")["Service"]
    export = shlex.split(service["ExecStart"][0])
    assert size(service["MemoryMax"][0]) > size(export[export.index("--memory") + 1])
    writable = [folder.lstrip("-") for folder in service["ReadWritePaths"]]
    assert str(Path(export[export.index("--metrics") + 1]).parent) in writable
    access = (EXAMPLES / "systemd" / "afluente.tmpfiles").read_text("utf-8")
    assert all(f"{folder} " in access for folder in writable)


def service_credential() -> str:
    """Where systemd lays out the token that afluente.service loads."""
    name, _, _ = unit("afluente.service")["Service"]["LoadCredential"][0].partition(":")
    return f"/run/credentials/afluente.service/{name}"


def size(text: str) -> int:
    """`512M` of systemd, `512Mi` of Kubernetes and `512MiB` are the same."""
    number, unit_of = re.fullmatch(r"(\d+)([MG])(?:i|iB)?", text).groups()
    return int(number) << {"M": 20, "G": 30}[unit_of]


def test_pods_can_do_no_harm():
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["automountServiceAccountToken"] is False
        assert pod["restartPolicy"] == "Never"
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in pod.get("initContainers", []) + pod["containers"]:
            assert container["image"].endswith(f":{VERSION}")
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert all(mount["readOnly"] and mount["name"] in volumes for mount in container["volumeMounts"])
    export = pods()[0]["containers"][0]
    args = export["args"]
    assert size(export["resources"]["limits"]["memory"]) > size(args[args.index("--memory") + 1])
    mounts = [mount["mountPath"] for mount in export["volumeMounts"]]
    token = tomllib.loads(configurations()["kubernetes/ConfigMap"])["connections"]["acme"]["token"]["file"]
    assert {str(Path(token).parent), str(Path(args[args.index("--config") + 1]).parent)} == set(mounts)


def test_a_drained_node_fails_no_job():
    """The first rule that fits counts, and a run that gets SIGTERM ends with 1."""
    job = next(document for document in manifests() if document["kind"] == "CronJob")["spec"]["jobTemplate"]["spec"]
    drained, failed = job["podFailurePolicy"]["rules"]
    assert drained["action"] == "Ignore" and drained["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert failed["action"] == "FailJob" and failed["onExitCodes"]["values"] == [1]
    assert failed["onExitCodes"]["containerName"] in {container["name"] for container in pods()[0]["containers"]}


def test_workflow_fits_together():
    # YAML 1.1 reads the key `on` as true.
    crons = [entry["cron"] for entry in workflow()[True]["schedule"]]
    conditions = [job["if"] for job in workflow()["jobs"].values()]
    assert conditions == [f"github.event.schedule != '{crons[1]}'", f"github.event.schedule == '{crons[1]}'"]
    assert workflow()["concurrency"] == {"group": "afluente", "cancel-in-progress": False}
    assert workflow()["env"]["IMAGE"].endswith(f":{VERSION}")
    token = tomllib.loads(configurations()["github-actions/afluente.toml"])["connections"]["acme"]["token"]["env"]
    export = next(step for step in workflow()["jobs"]["export"]["steps"] if step.get("name") == "Export")
    assert export["env"] == {token: f"${{{{ secrets.{token} }}}}"} and f"-e {token} " in export["run"]


def test_image_copies_what_it_may():
    lines = (program.REPOSITORY / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    context = {line[1:] for line in (program.REPOSITORY / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]}
    assert copied == context
    assert all((program.REPOSITORY / path).exists() for path in copied)
    assert f"ARG VERSION={VERSION}" in lines
    final = lines[max(at for at, line in enumerate(lines) if line.startswith("FROM ")) :]
    users = [line.split()[1] for line in final if line.startswith("USER ")]
    assert users and users[-1].split(":")[0].isdecimal() and not users[-1].startswith("0")
    assert 'ENTRYPOINT ["afluente"]' in final


def parts_of_the_dag(config: Path):
    """The shell script of the task `export`, and the function that makes its XCom, without Airflow."""
    wanted = [
        node
        for node in dag().body
        if isinstance(node, ast.FunctionDef) and node.name == "digest" or isinstance(node, ast.Assign) and node.targets[0].id == "EXPORT"
    ]
    names = {"json": json, "CONFIG": shlex.quote(str(config))}
    exec(compile(ast.Module(wanted, []), "afluente_dag.py", "exec"), names)
    return names["EXPORT"], names["digest"]


def test_the_dag_names_the_failed_tables(sandbox, tmp_path):
    (tmp_path / "afluente").symlink_to(program.binary())
    config = tmp_path / "afluente.toml"
    script, digest = parts_of_the_dag(config)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    def export(text: str) -> subprocess.CompletedProcess:
        config.write_text(f'[connections.ploomes]\nsource = "ploomes"\ninclude = ["users", "currencies"]\n{text}', "utf-8")
        return subprocess.run(["bash", "-c", script], cwd=tmp_path, env=sandbox.environment(PATH=path), capture_output=True, text=True, timeout=300)

    failed = export('[connections.ploomes.tables.users]\nendpoint = "/Nowhere"\n')
    assert failed.returncode == 0, failed.stderr
    told = digest(failed.stdout.splitlines()[-1])
    assert told["code"] == 1 and list(told["failed"]) == ["ploomes.users"]
    assert "404" in told["failed"]["ploomes.users"]

    whole = export("")
    told = digest(whole.stdout.splitlines()[-1])
    assert told["code"] == 0 and told["failed"] == {} and told["run_id"], whole.stderr
    assert told["rows"] > 0

    assert export("nonsense = 1\n").returncode == 2
    # What a run that another one kept from working has printed.
    assert digest('{"code": 0, "report": null}') == {"code": 0, "run_id": None, "rows": 0, "failed": {}}
