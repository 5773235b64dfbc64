"""`verify` over all tables: its time follows the bytes of the lake, its memory has a bound."""

import json

import program
import refreshing
from refreshing import sized

# Rows of a large table; the other lake holds eight times as many.
ROWS = sized("AFLUENTE_VERIFY_ROWS", 2_000)
TIMES = 8
LOOKS = 3
BOUND = 256 << 20


def verified(folder, rows: int) -> dict:
    """A lake of so many rows, and the best of some looks at it."""
    folder.mkdir()
    with program.Sandbox("--rows", rows, "--table-rows", f"nectarcrm.oportunidades={ROWS // 4}") as sandbox:
        refreshing.export(folder, sandbox, refreshing.configured(folder))
    looks = []
    for _ in range(LOOKS):
        outcome, peak = program.run_measured(["verify", "--to", folder / "lake", "-o", "json"], cwd=folder, env=program.environment())
        assert outcome.code == 0, outcome.err
        looks.append((outcome.seconds, peak))
    found = json.loads(outcome.out)
    assert found["findings"] == [] and found["tables"] == len(program.TABLES)
    return found | {"seconds": min(seconds for seconds, _ in looks), "peak": min(peak for _, peak in looks)}


def test_memory_is_bounded_and_time_follows_the_bytes(tmp_path, capsys):
    """Eight times the rows in all tables."""
    small, large = verified(tmp_path / "small", ROWS), verified(tmp_path / "large", ROWS * TIMES)
    with capsys.disabled():
        print()
        for lake in (small, large):
            print(
                f"  {lake['tables']} tables, {lake['rows']:,} rows in {lake['files']} files of {lake['bytes'] / 2**20:.1f} MiB: {lake['seconds']:.2f} s, "
                f"peak {lake['peak'] / 2**20:.1f} MiB"
            )
        ratios = {what: f"{large[what] / small[what]:.2f}" for what in ("rows", "bytes", "seconds", "peak")}
        print(f"  ratios: {ratios}")
    assert large["bytes"] > 3 * small["bytes"]
    # A row group and the keys of a table are held, both bounded; at these sizes neither has reached its bound, so memory still grows, by much less than the rows.
    assert large["peak"] < BOUND and large["peak"] < 2 * small["peak"]
