use super::*;

const WRITTEN: &str = "\
profile: p
about: for tests
asks: [policy/**]
levels: [{rows: acl/match/case, level: SHOULD, reason: an old server}]
deviations:
  - rows: acl/send/typing
    servers: {implementation: synapse, versions: \"<1.153.0\"}
    reason: EDUs are not checked
    note: a note
    accepted_by: N. N.
    expires: 2026-12-31
";

fn case(id: &str) -> CaseInfo {
    CaseInfo {
        id: id.into(),
        title: String::new(),
        level: Level::Must,
        priority: 0,
        requirement: String::new(),
        scenario: String::new(),
        tags: vec![],
        room_version: id.rsplit_once("/v").map(|(_, version)| version.to_owned()),
        since: None,
    }
}

fn server(version: &str) -> ServerInfo {
    ServerInfo {
        name: "alpha".into(),
        spec: String::new(),
        implementation: "synapse".into(),
        version: version.into(),
        server_name: String::new(),
        digest: String::new(),
        upgrade_to: None,
    }
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn profile() -> Profile {
    Profile::parse("fixtures/profiles/p.yaml", WRITTEN).expect("it is right")
}

fn decided(id: &str, verdict: Verdict) -> CaseResult {
    let subject = SubjectResult {
        server: "alpha".into(),
        verdict,
        reason: String::new(),
        duration_ms: 0,
        phases: vec![],
        facts: Default::default(),
        measurements: vec![],
        failure: None,
        deviation: None,
    };
    CaseResult::new(case(id), vec![subject])
}

#[test]
fn a_deviation_covers_its_rows_on_its_servers_until_it_expires() {
    let profile = profile();
    let old = server("1.143.0");
    let on = |id: &str, server: &ServerInfo, today: &str| profile.deviation(&case(id), server, day(today));
    assert!(on("acl/send/typing/v12", &old, "2026-12-31").is_some_and(|known| !known.expired));
    assert!(on("acl/send/typing/v12", &old, "2027-01-01").is_some_and(|known| known.expired));
    assert!(on("acl/send/pdu/v12", &old, "2026-12-31").is_none());
    assert!(on("acl/send/typing/v12", &server("1.153.0"), "2026-12-31").is_none());
}

#[test]
fn an_expired_deviation_and_one_that_is_not_needed_are_reported() {
    let audit = |verdict, today: &str| {
        profile().audit(&[decided("acl/send/typing/v12", verdict)], &[server("1.143.0")], day(today))
    };
    assert!(audit(Verdict::Fail, "2026-12-01").is_empty());
    assert!(audit(Verdict::Fail, "2027-01-01")[0].contains("expired on 2026-12-31"));
    assert!(audit(Verdict::Pass, "2026-12-01")[0].contains("no longer needed"));
    assert!(audit(Verdict::Skipped, "2026-12-01").is_empty(), "nothing was seen");
}

#[test]
fn rows_are_asked_for_and_levels_changed_by_glob() {
    let profile = profile();
    assert!(profile.asks_for(&case("policy/allowlist/inbound/v12")) && !profile.asks_for(&case("leak/lookups")));
    assert_eq!(profile.level_of(&case("acl/match/case/upper/v12")), Level::Should);
    assert_eq!(profile.level_of(&case("acl/match/star/v12")), Level::Must);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let wrong = |from: &str, to: &str| {
        let text = WRITTEN.replace(from, to);
        let found = Profile::parse("p.yaml", &text).expect_err("it is wrong");
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(wrong("    note: a note\n", "").starts_with("p.yaml:6:"));
    assert!(wrong("2026-12-31", "2026-02-30").contains("p.yaml:11:"));
    assert!(wrong("\"<1.153.0\"", "1.153").contains("p.yaml:7:"));
    assert!(wrong("N. N.", "\"\"").contains("`accepted_by` is empty"));
    assert!(wrong("asks:", "aks:").contains("unknown key `aks`"));
    assert!(wrong("profile: p", "profile: q").contains("stands in p.yaml"));
    let found = profile().names_no_row("p.yaml", WRITTEN, &[case("acl/send/typing/v12"), case("policy/a/b")]);
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["p.yaml:4:17: `acl/match/case` names no row"]
    );
    // A row, or a folder of rows, that comes near is asked for; what is far from all is not.
    let asked = |glob: &str, row: &str| {
        let text = WRITTEN.replace("acl/match/case", glob);
        let profile = Profile::parse("p.yaml", &text).expect("it is right");
        let rows = [case("acl/send/typing/v12"), case("policy/a/b"), case(row)];
        profile.names_no_row("p.yaml", &text, &rows).into_iter().map(|one| one.label).collect::<Vec<_>>()
    };
    assert_eq!(asked("acl/match/csae", "acl/match/case/v12"), ["did you mean `acl/match/case`?"]);
    assert_eq!(asked("acl/macth", "acl/match/case/v12"), ["did you mean `acl/match`?"]);
    assert_eq!(asked("acl/match/*-cas", "acl/match/lower-case/v12"), ["did you mean `acl/match/lower-case`?"]);
    assert_eq!(asked("encryption/backup", "leak/lookups"), [""]);
    assert_eq!(asked("acl/match", "acl/match/case/v12"), [""; 0]);
}
