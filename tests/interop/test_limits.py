"""The vendor's limit, kept to the letter and used to the full."""

import program

# Exact Sales serves pages of 500 rows; a list ends on an empty one.
ROWS = {"industries": 15_000, "sdrs": 15_000}


def test_the_limit_is_kept_and_used(tmp_path, capsys):
    """No window holds more requests than the vendor takes, none is answered 429, and the time is requests ÷ limit within 10 %."""
    rows = [option for table, count in ROWS.items() for option in ("--table-rows", f"exactsales.{table}={count}")]
    with program.Sandbox(*rows, limits=True) as sandbox:
        outcome = program.run(
            ["export", "exactsales", "--tables", ",".join(ROWS), "--to", tmp_path / "lake"],
            cwd=tmp_path,
            env=sandbox.environment(),
            report=tmp_path / "report.json",
        )
        told = sandbox.tell("requests")["exactsales"]
    assert outcome.code == 0, outcome.err
    assert {table: outcome.table(f"exactsales.{table}")["rows"] for table in ROWS} == ROWS
    limit, window = told["limit"], told["window_secs"]
    ideal = told["requests"] * window / limit
    with capsys.disabled():
        print(
            f"\n  {told['requests']} requests in {outcome.seconds:.1f} s; at {limit} per {window} s they take {ideal:.1f} s; "
            f"at most {told['max_in_window']} in a window, {told['answered_429']} answered 429"
        )
    assert told["requests"] >= 60
    assert told["max_in_window"] <= limit
    assert told["answered_429"] == 0
    assert sum(table["requests"] for table in outcome.report["tables"]) == told["requests"]
    assert sum(table["retries"] for table in outcome.report["tables"]) == 0
    assert 0.9 * ideal <= outcome.seconds <= 1.1 * ideal
