"""Refreshes the data lake every hour, and vacuums and verifies it every Sunday. Airflow 3.

To change: CONFIG, the schedules, and what comes after `complete`. The program and its configuration are on the workers; tokens stand in files that
the configuration names, or in the workers' environment, never in the DAG.
"""

import json

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

CONFIG = "/etc/afluente/afluente.toml"
START = pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo")

# A run that committed some tables (exit code 1) must hand its report on, and BashOperator drops what a failed command has printed: the exit code goes
# into XCom with the report, and `complete` judges. Exit code 2, it could not start, fails here and is tried again.
EXPORT = f"""
report=$(mktemp)
trap 'rm -f "$report"' EXIT
afluente export --config {CONFIG} --if-busy skip --progress plain --color never --report "$report"
code=$?
[ "$code" -le 1 ] || exit "$code"
printf '{{"code": %d, "report": %s}}\\n' "$code" "$([ -s "$report" ] && tr -d '\\n' < "$report" || echo null)"
"""


def digest(line: str) -> dict:
    """What of the report is worth a place in Airflow's database; all of it is in the lake, in `_runs/`."""
    found = json.loads(line)
    report = found["report"] or {"run_id": None, "tables": []}
    failed = [table for table in report["tables"] if table["status"] == "failed"]
    return {
        "code": found["code"],
        "run_id": report["run_id"],
        "rows": sum(table["rows"] for table in report["tables"]),
        "failed": {f"{table['connection']}.{table['table']}": table["error"]["message"] for table in failed},
    }


@dag(
    schedule="17 * * * *",
    start_date=START,
    catchup=False,
    # The lease in the lake would make a second run end with 0, having done nothing.
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=5)},
    tags=["afluente"],
)
def afluente_export():
    export = BashOperator(
        task_id="export",
        bash_command=EXPORT,
        output_processor=digest,
        # A first load commits as it goes: what is stopped here goes on in the next run.
        execution_timeout=pendulum.duration(hours=6),
    )

    @task
    def complete(export: dict) -> dict:
        """Lets what follows run only on a whole refresh. It is not retried: the next run reads the failed tables again."""
        if export["failed"]:
            raise AirflowFailException("\n".join(f"{table}: {message}" for table, message in export["failed"].items()))
        if export["code"] != 0:
            raise AirflowFailException("the run was stopped early; the log of `export` says why")
        return export

    # What reads the lake comes here: `complete(export.output) >> transform`.
    complete(export.output)


@dag(schedule="47 4 * * 0", start_date=START, catchup=False, max_active_runs=1, tags=["afluente"])
def afluente_weekly():
    # In this order: what a crash has left is an orphan to `verify` until it is deleted.
    vacuum = BashOperator(task_id="vacuum", bash_command=f"afluente vacuum --config {CONFIG} --color never")
    verify = BashOperator(task_id="verify", bash_command=f"afluente verify --config {CONFIG} --color never")
    vacuum >> verify


afluente_export()
afluente_weekly()
