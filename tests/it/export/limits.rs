//! The vendor's limit: never passed in any window. How near the wall time comes to it is a figure, not an assertion: `make interop` prints it.

use afluente::sandbox::Options;
use serde_json::Value;

use crate::support::Setup;

#[test]
fn a_limit_is_kept() {
    keeps(40, 160);
}

/// The declared limits of NectarCRM and SenseData are as small as this one.
#[test]
fn a_small_limit_is_kept() {
    keeps(5, 20);
}

/// No window has more requests than the limit. NectarCRM's window is one second long in the sandbox, which counts without refusing: the connection keeps to
/// its limit by itself.
fn keeps(limit: u64, oportunidades: u64) {
    let mut setup = Setup::new(Options {
        rows: 1,
        table_rows: vec![("nectarcrm.oportunidades".to_owned(), oportunidades)],
        ..Options::default()
    });
    setup.environment.retain(|(name, _)| name.starts_with("NECTARCRM"));
    setup.write(
        "afluente.toml",
        &format!("[connections.acme]\nsource = \"nectarcrm\"\nrate_limit = {{ requests = {limit}, per = \"1s\", in_flight = 4 }}\n"),
    );
    let outcome = setup.export(&["--tables", "oportunidades_propostas", "--report", "report.json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(setup.folder().join("report.json")).unwrap()).unwrap();
    let requests = setup.world.counted("nectarcrm", "requests");
    assert!(requests >= 5 * limit, "{requests} requests are too few to tell");
    let most = setup.world.counted("nectarcrm", "max_in_window");
    assert!(most <= limit, "{most} requests in a window of {limit}");
    let waited = report["tables"][0]["waited_seconds"].as_f64().unwrap();
    assert!(waited > 1.0, "the report says that {waited} s were spent waiting");
}
