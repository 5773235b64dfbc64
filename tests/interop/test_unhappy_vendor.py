"""A vendor that refuses, fails, lies or goes away: the table fails with a clear message, the others come through, no token is told."""

import email.utils
import time

import pytest

import lake as rules
import program
import unhappy
from proxy import Proxy, always, cut, first, reply
from unhappy import OTHERS, VICTIM

PAGE = "/Deals"
HTML = "<!DOCTYPE html><html><body><h1>Estamos em manutenção</h1></body></html>"


@pytest.fixture
def vendor(sandbox):
    """Ploomes, through a proxy that a test may script."""
    with Proxy(sandbox.bases["ploomes"]) as proxy:
        yield proxy


REFUSALS = {
    "html": (reply(200, HTML, "text/html"), ["HTML"]),
    "error with 200": (reply(200, '{"@odata.context":"x","value":"Erro interno"}'), ["Erro interno"]),
    "a text with 200": (reply(200, '"Falha ao consultar"'), ["Falha ao consultar"]),
    "no array": (reply(200, '{"rows":[]}'), ["value"]),
    "broken json": (reply(200, '{"value":[{"Id":1},'), ["end of the body"]),
    "empty body": (reply(200, ""), []),
    "400": (reply(400, '{"error":{"code":"","message":"Filtro não aceito"}}'), ["400", "Filtro não aceito"]),
    "403": (reply(403, '{"error":{"code":"","message":"Sem permissão"}}'), ["403", "Sem permissão"]),
    "404": (reply(404, ""), ["404"]),
    "500": (reply(500, '{"Message":"An error has occurred."}'), ["500", "An error has occurred."]),
    "503 html": (reply(503, "<html>503</html>", "text/html"), ["503"]),
    "429": (reply(429, ""), ["429"]),
    "cut": (cut(), []),
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_table_that_cannot_be_read(sandbox, vendor, tmp_path, fault):
    """Whatever a vendor answers instead of a page fails that table and no other, and is told in the vendor's own words."""
    action, words = REFUSALS[fault]
    vendor.on(PAGE, always(action))
    outcome = unhappy.export(tmp_path, sandbox, "--base-url", vendor.base)
    unhappy.assert_only_the_victim_failed(outcome, tmp_path, sandbox, words)
    assert "panicked" not in outcome.err


def in_seconds(handler):
    reply(429, "", Retry_After="1")(handler)


def at_a_date(handler):
    reply(429, "", Retry_After=email.utils.formatdate(time.time() + 2, usegmt=True))(handler)


PASSING = {
    "429 with seconds": (in_seconds, 1.0),
    "429 with a date": (at_a_date, 1.0),
    "429 without a word": (reply(429, ""), 0.0),
    "503 with seconds": (reply(503, "", Retry_After="1"), 1.0),
    "500": (reply(500, "{}"), 0.0),
    "cut": (cut(), 0.0),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again(sandbox, vendor, tmp_path, fault):
    """After two failures the page comes, and the wait that the vendor asked for was kept."""
    action, wait = PASSING[fault]
    vendor.on(PAGE, first(2, action))
    outcome = unhappy.export(tmp_path, sandbox, "--base-url", vendor.base)
    assert outcome.code == 0, outcome.err
    unhappy.assert_committed(tmp_path / "lake", sandbox, (VICTIM, *OTHERS))
    assert outcome.table(f"ploomes.{VICTIM}")["retries"] == 2
    assert 2 * wait <= outcome.seconds < 30


@pytest.mark.parametrize("nth", [1, 2, 4])
def test_an_empty_page_is_not_believed_at_once(sandbox, vendor, tmp_path, nth):
    """Ploomes may throttle without a word: 200 and no rows. Asked again, it gives them; no table is cut short or emptied."""
    throttled = reply(200, '{"@odata.context":"https://public9-api2.ploomes.com/$metadata#Deals","value":[]}')
    vendor.on(PAGE, lambda n: throttled if n == nth else None)
    outcome = unhappy.export(tmp_path, sandbox, "--base-url", vendor.base)
    assert outcome.code == 0, outcome.err
    unhappy.assert_committed(tmp_path / "lake", sandbox, (VICTIM, *OTHERS))


def test_rows_are_whole_although_bodies_are_cut(tmp_path):
    """A vendor that fails at every turn, within what a retry can mend, loses and doubles nothing."""
    faults = "429=0.02,429-bare=0.02,500=0.06,cut=0.1,slow=0.02,empty=0.05"
    with program.Sandbox("--rows", 3000, "--faults", faults) as sandbox:
        outcome = unhappy.export(tmp_path, sandbox, tables="ploomes.*", attempts=6)
        assert outcome.code == 0, outcome.err
        unhappy.assert_committed(tmp_path / "lake", sandbox, [table["id"] for table in program.CATALOG["ploomes"]])
        assert sum(table["retries"] for table in outcome.report["tables"]) > 10


def assert_left_alone(outcome):
    """After a 401 no table begins: only those that were under way have asked."""
    asked = [t["table"] for t in outcome.report["tables"] if t["source"] == "ploomes" and t["status"] != "committed" and t["requests"]]
    assert len(asked) <= 4, f"{len(asked)} tables asked with a token that was refused: {asked}"


def test_wrong_token(sandbox, tmp_path):
    """No table of the connection is read, the token's place is told, and the vendor is left alone; the other connection is exported."""
    wrong = "a-token-that-nobody-gave-out"
    args = ["export", "ploomes", "exactsales", "--to", tmp_path / "lake", "--config", program.unthrottled(tmp_path)]
    env = sandbox.environment(PLOOMES_USER_KEY=wrong)
    outcome = program.run(args, cwd=tmp_path, env=env, report=tmp_path / "report.json")
    assert outcome.code == 1, outcome.err
    assert "401" in outcome.err and "PLOOMES_USER_KEY" in outcome.err and "hint:" in outcome.err
    ended = {source: {t["status"] for t in outcome.report["tables"] if t["source"] == source} for source in ("ploomes", "exactsales")}
    assert ended["exactsales"] == {"committed"} and "committed" not in ended["ploomes"]
    assert_left_alone(outcome)
    unhappy.assert_committed(tmp_path / "lake", sandbox, [t["id"] for t in program.CATALOG["exactsales"]], "exactsales")
    rules.assert_secret([wrong, *sandbox.tokens], tmp_path, outcome.out, outcome.err)


def test_a_token_that_expires_in_the_middle(tmp_path):
    """What was committed before stays, the rest is told with the token's place, and the vendor is left alone."""
    with program.Sandbox("--faults", "401=0.05") as sandbox:
        args = ["export", "ploomes", "--to", tmp_path / "lake", "--config", program.unthrottled(tmp_path)]
        outcome = program.run(args, cwd=tmp_path, env=sandbox.environment(), report=tmp_path / "report.json")
        assert outcome.code == 1, outcome.err
        statuses = outcome.statuses()
        done = [table.split(".")[1] for table, status in statuses.items() if status == "committed"]
        assert 0 < len(done) < len(statuses)
        unhappy.assert_committed(tmp_path / "lake", sandbox, done)
        assert set(rules.manifests(tmp_path / "lake")) == {f"ploomes.{table}" for table in done}
        assert "401" in outcome.err and "PLOOMES_USER_KEY" in outcome.err and "hint:" in outcome.err
        assert_left_alone(outcome)
        rules.assert_secret(sandbox.tokens, tmp_path, outcome.out, outcome.err)


def test_a_vendor_that_repeats_the_token(sandbox, vendor, tmp_path):
    """A token that the vendor puts into its error is not told on."""

    def echo(handler):
        key = handler.headers["User-Key"]
        assert key == sandbox.env["PLOOMES_USER_KEY"]
        reply(403, f'{{"error":{{"message":"a chave {key} não pode"}}}}')(handler)

    vendor.on(PAGE, always(echo))
    outcome = unhappy.export(tmp_path, sandbox, "--base-url", vendor.base, "-vv")
    unhappy.assert_only_the_victim_failed(outcome, tmp_path, sandbox, ["a chave", "não pode"])


def test_a_redirect_elsewhere_is_not_followed(sandbox, vendor, tmp_path):
    """The token goes to the host of the base address and nowhere else."""
    with Proxy(sandbox.bases["ploomes"]) as stranger:
        vendor.on(PAGE, always(reply(307, "", Location=f"{stranger.base}/Deals")))
        outcome = unhappy.export(tmp_path, sandbox, "--base-url", vendor.base)
        unhappy.assert_only_the_victim_failed(outcome, tmp_path, sandbox, ["redirect"])
        assert not stranger.seen


def test_what_was_there_stays(sandbox, vendor, tmp_path):
    """A table that fails in a later run keeps the content of the earlier one, the others move on."""
    assert unhappy.export(tmp_path, sandbox).code == 0
    vendor.on(PAGE, always(reply(200, HTML, "text/html")))
    outcome = unhappy.export(tmp_path, sandbox, "--full-refresh", "--base-url", vendor.base)
    assert outcome.code == 1, outcome.err
    unhappy.assert_committed(tmp_path / "lake", sandbox, (VICTIM, *OTHERS))
    versions = {table.split(".")[1]: manifest["version"] for table, manifest in rules.manifests(tmp_path / "lake").items()}
    assert versions == {VICTIM: 1} | dict.fromkeys(OTHERS, 2)


def assert_unreachable(outcome, folder, sandbox, words):
    assert outcome.code == 1, f"exit code {outcome.code}\n{outcome.err}"
    assert set(outcome.statuses().values()) == {"failed"}
    assert "hint:" in outcome.err
    for word in words:
        assert word in outcome.err, f"{word!r} is not told: {outcome.err}"
    assert not rules.manifests(folder / "lake") and not list((folder / "lake").rglob("*.parquet"))
    rules.assert_secret(sandbox.tokens, folder, outcome.out, outcome.err)


def test_port_closed(sandbox, closed_port, tmp_path):
    """Nothing listens there: the address is told."""
    outcome = unhappy.export(tmp_path, sandbox, "--base-url", f"http://127.0.0.1:{closed_port}")
    assert_unreachable(outcome, tmp_path, sandbox, [f"127.0.0.1:{closed_port}", "refuse"])


def test_dns_failure(sandbox, tmp_path):
    """A name that does not resolve is told as one."""
    outcome = unhappy.export(tmp_path, sandbox, "--base-url", "https://nowhere.invalid")
    assert_unreachable(outcome, tmp_path, sandbox, ["nowhere.invalid"])
