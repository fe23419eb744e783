//! A hand-made run with every verdict in it, and with names and bodies as an adversary would choose them.

#![allow(dead_code, reason = "each test and the example uses its own part of this")]

use fedproof_core::{
    ServerName,
    transcript::{Api, Exchange, Outcome},
};
use fedproof_results::{
    BASELINE_SCHEMA, Baseline, CaseInfo, Event, Failure, Identity, Level, Line, Location, Measurement, PhaseOutcome,
    Role, ServerInfo, ServerUsage, SubjectResult, Verdict, WallMs,
};
use serde_json::{Value, json};

/// What an adversary would put wherever text is taken.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\u{1b}[31m`|\"'&]]>\n# x";

const ROWS: [&str; 6] = ["make_join", "send_join_v2", "invite_v1", "state", "backfill", "get_missing_events"];
const VERSIONS: [&str; 3] = ["10", "11", "12"];

/// A stream under construction.
struct Stream {
    cases: Vec<CaseInfo>,
    events: Vec<Event>,
    next: u64,
}

/// The whole run: a failure, undecided cases, observations, skips, on two homeservers.
pub(crate) fn mixed() -> Vec<Event> {
    let mut stream = Stream { cases: Vec::new(), events: boot(), next: 0 };
    stream.endpoints();
    stream.others();
    stream.end(true, "")
}

/// A run that stopped in the middle: the second homeserver died.
pub(crate) fn stopped() -> Vec<Event> {
    let mut stream = Stream { cases: Vec::new(), events: boot(), next: 0 };
    stream.endpoints();
    for slug in ["typing", "receipt", "pdu"] {
        stream.case(&format!("acl/send/{slug}"), "never reached", Level::Must, None, "scenarios/acl/send.yaml");
    }
    stream.end(false, "beta ended with signal 9")
}

/// A run without fault.
pub(crate) fn clean() -> Vec<Event> {
    let mut stream = Stream { cases: Vec::new(), events: boot(), next: 0 };
    stream.case("acl/match/star/v12", "a star matches", Level::Must, Some("12"), "scenarios/acl/match.yaml");
    let phases = vec![stream.phase("control", Role::Control, true, 200, None)];
    stream.decide("acl/match/star/v12", "alpha", Verdict::Pass, "", phases, None);
    stream.end(true, "")
}

/// The chapters that have pages of their own (patterns, pairs, invariants), held against accepted verdicts.
pub(crate) fn chapters() -> Vec<Event> {
    let mut stream = Stream { cases: Vec::new(), events: boot(), next: 0 };
    stream.endpoints();
    stream.patterns();
    stream.pairs();
    stream.invariants();
    let mut events = stream.end(true, "");
    let line = |case: &str, server: &str, level, verdict| Line {
        case: case.into(),
        server: server.into(),
        level,
        verdict,
        seen: String::new(),
    };
    let baseline = Baseline {
        schema: BASELINE_SCHEMA.into(),
        deployment: "pair".into(),
        profile: "matrix-spec".into(),
        servers: Default::default(),
        cases: vec![
            line("acl/endpoint/backfill/v12", "alpha", Level::Must, Verdict::Pass),
            line("acl/endpoint/state/v12", "alpha", Level::Should, Verdict::Fail),
            line(&format!("acl/gone/{HOSTILE}"), HOSTILE, Level::Must, Verdict::Pass),
        ],
    };
    events.insert(1, Event::BaselineTaken { file: format!("baseline.json{HOSTILE}"), baseline });
    events
}

/// A run whose deployment never came up.
pub(crate) fn unbooted() -> Vec<Event> {
    let mut stream = Stream { cases: Vec::new(), events: Vec::new(), next: 0 };
    stream.case("acl/match/star/v12", "a star matches", Level::Must, Some("12"), "scenarios/acl/match.yaml");
    let mut events = stream.end(false, "alpha did not become ready within 60 s");
    if let Some(Event::RunFinished { usage, .. }) = events.last_mut() {
        usage.clear();
    }
    events
}

fn boot() -> Vec<Event> {
    let server = |name: &str, version: &str| ServerInfo {
        name: name.into(),
        spec: format!("synapse@{version}"),
        implementation: "synapse".into(),
        version: version.into(),
        server_name: format!("{name}.example"),
        digest: "sha256:5f0c9b1e".into(),
        upgrade_to: None,
    };
    vec![
        Event::Progress { server: Some("alpha".into()), message: "boot".into() },
        Event::Progress { server: Some("alpha".into()), message: "boot".into() },
        Event::DeploymentReady { servers: vec![server("alpha", "1.163.2"), server("beta", "1.152.1")], boot_ms: 5_812 },
        Event::Warning { message: format!("the clock is off: {HOSTILE}") },
    ]
}

impl Stream {
    fn case(&mut self, id: &str, title: &str, level: Level, version: Option<&str>, scenario: &str) {
        self.cases.push(CaseInfo {
            id: id.into(),
            title: title.into(),
            level,
            priority: 0,
            requirement: "Server-server API, Server ACLs".into(),
            scenario: scenario.into(),
            tags: vec![],
            room_version: version.map(str::to_owned),
            since: None,
        });
    }

    fn decide(
        &mut self,
        id: &str,
        server: &str,
        verdict: Verdict,
        reason: &str,
        phases: Vec<PhaseOutcome>,
        failure: Option<Failure>,
    ) {
        let duration_ms = 400 + 37 * self.events.len() as u64;
        let result = SubjectResult {
            server: server.into(),
            verdict,
            reason: reason.into(),
            duration_ms,
            phases,
            facts: Default::default(),
            measurements: vec![],
            failure,
            deviation: None,
        };
        self.events.push(Event::CaseDecided { id: id.into(), result });
    }

    /// An exchange, put on record as evidence.
    fn exchange(&mut self, path: &str, outcome: Outcome, request: Value, response: Value) -> u64 {
        let id = self.next;
        self.next += 3;
        let exchange = Exchange {
            id,
            api: Api::Federation,
            caller: "x17.denied.example".into(),
            origin: Some(ServerName::new("liar.example")),
            authorization: None,
            destination: ServerName::new("alpha.example"),
            method: "GET".into(),
            path: path.into(),
            request,
            outcome,
            response,
            started_us: 6_000_000 + 1_000 * id,
            duration_us: 3_210,
        };
        self.events.push(Event::Evidence { exchange: Box::new(exchange) });
        id
    }

    fn phase(&mut self, phase: &str, role: Role, ok: bool, status: u16, errcode: Option<&str>) -> PhaseOutcome {
        let response = match errcode {
            Some(errcode) => json!({"errcode": errcode, "error": HOSTILE}),
            None => json!({"pdus": [{"type": "m.room.message", "content": {"body": HOSTILE}}]}),
        };
        let path = "/_matrix/federation/v1/backfill/!r%3Aalpha.example?v=%24e&limit=1";
        let exchange = self.exchange(path, Outcome::Answered { status }, Value::Null, response);
        PhaseOutcome {
            phase: phase.into(),
            role,
            ok,
            status: Some(status),
            errcode: errcode.map(str::to_owned),
            exchange: Some(exchange),
        }
    }

    /// The endpoint table: alpha is right but for one cell, beta's control fails once.
    fn endpoints(&mut self) {
        for row in ROWS {
            for version in VERSIONS {
                let id = format!("acl/endpoint/{row}/v{version}");
                let title = format!("{row} is refused to a denied server");
                self.case(&id, &title, Level::Must, Some(version), "scenarios/acl/endpoint.yaml");
                for server in ["alpha", "beta"] {
                    self.endpoint(&id, row, version, server);
                }
            }
        }
    }

    fn endpoint(&mut self, id: &str, row: &str, version: &str, server: &str) {
        if row == "invite_v1" {
            let reason = "only room versions 1 and 2 exist on it";
            return self.decide(id, server, Verdict::NotApplicable, reason, vec![], None);
        }
        let wrong = (row, version, server) == ("backfill", "12", "alpha");
        let undecided = (row, version, server) == ("state", "10", "beta");
        if undecided {
            let phases = vec![self.phase("control", Role::Control, false, 500, Some("M_UNKNOWN"))];
            let failure = failure(
                "control",
                "control request GET state",
                "status 200",
                "status 500, errcode M_UNKNOWN",
                phases[0].exchange,
            );
            return self.decide(id, server, Verdict::Inconclusive, "the control failed", phases, Some(failure));
        }
        let control = self.phase("control", Role::Control, true, 200, None);
        let denied = match wrong {
            true => self.phase("denied", Role::Check, false, 200, None),
            false => self.phase("denied", Role::Check, true, 403, Some("M_FORBIDDEN")),
        };
        let failure = wrong.then(|| {
            let step = "denied request GET /_matrix/federation/v1/backfill/${room}";
            failure("denied", step, "status 403, errcode M_FORBIDDEN", "status 200", denied.exchange)
        });
        let lifted = self.phase("lifted", Role::Control, true, 200, None);
        let verdict = if wrong { Verdict::Fail } else { Verdict::Pass };
        let reason = if wrong { "a denied server was given the room's history" } else { "" };
        self.decide(id, server, verdict, reason, vec![control, denied, lifted], failure);
    }

    /// One case of each other kind.
    fn others(&mut self) {
        let file = "scenarios/acl/send.yaml";
        self.case("acl/send/typing", &format!("typing is dropped {HOSTILE}"), Level::Should, None, file);
        let big = json!({"edus": ["x".repeat(200_000)]});
        let outcome = Outcome::Failed { error: format!("connection refused {HOSTILE}") };
        let exchange = self.exchange(&format!("/_matrix/federation/v1/send/{HOSTILE}"), outcome, big, Value::Null);
        let broken = failure("denied", HOSTILE, HOSTILE, HOSTILE, Some(exchange));
        self.decide("acl/send/typing", "alpha", Verdict::Fail, HOSTILE, vec![], Some(broken));

        self.case("acl/unlisted/hierarchy", "hierarchy asked by a denied server", Level::Observe, None, file);
        let phases = vec![self.phase("denied", Role::Check, true, 200, None)];
        let seen = format!("answers 200 with the room in it {HOSTILE}");
        self.decide("acl/unlisted/hierarchy", "alpha", Verdict::Observed, &seen, phases, None);

        self.case("acl/join/partial-state", "enforced once the full state is there", Level::Must, None, file);
        let reason = "synapse 1.163.2 has faster joins switched off";
        self.decide("acl/join/partial-state", "alpha", Verdict::Skipped, reason, vec![], None);

        // Its exchange was not kept: a link to it would lead nowhere.
        self.case("invariant/leak/unknown-name", "no name outside the deployment", Level::Must, None, file);
        let mut lost = failure("setup", "a barrier", "the event arrives", "nothing in 10 s", Some(999_999));
        lost.exchanges.insert(0, 0);
        self.decide(
            "invariant/leak/unknown-name",
            "beta",
            Verdict::Inconclusive,
            "the barrier failed",
            vec![],
            Some(lost),
        );
    }

    /// A name under a list: as the rule says, against it, and where there is no rule.
    fn patterns(&mut self) {
        for (row, name, expected, status) in [
            ("star", "a.bad.example", "denied", 403),
            ("port", "good.example:8448", "allowed", 403),
            ("odd", HOSTILE, "", 200),
        ] {
            let id = format!("acl/match/{row}/v12");
            let level = if expected.is_empty() { Level::Observe } else { Level::Must };
            self.case(&id, "a name under a list", level, Some("12"), "scenarios/acl/match.yaml");
            for server in ["alpha", "beta"] {
                let verdict = match (expected, status) {
                    ("", _) => Verdict::Observed,
                    ("denied", 403) | ("allowed", 200) => Verdict::Pass,
                    _ => Verdict::Fail,
                };
                let phase = self.phase("listed", Role::Check, verdict != Verdict::Fail, status, None);
                self.decide(&id, server, verdict, "", vec![phase], None);
                let mut facts = vec![("acl", r#"{"allow":["*"],"deny":["*.bad.example"]}"#), ("name", name)];
                facts.extend((!expected.is_empty()).then_some(("expected", expected)));
                self.add_facts(&facts);
            }
        }
    }

    /// Two homeservers with each other, measured; beta with alpha is not put to the test in one case.
    fn pairs(&mut self) {
        for (row, both) in [("join", true), ("message", false)] {
            let id = format!("interop/{row}");
            self.case(&id, "it works between the two", Level::Must, None, "scenarios/interop.yaml");
            for (server, other) in [("alpha", "beta"), ("beta", "alpha")].into_iter().take(if both { 2 } else { 1 }) {
                let verdict = if server == "beta" { Verdict::Fail } else { Verdict::Pass };
                self.decide(&id, server, verdict, "", vec![], None);
                self.add_facts(&[("other", other)]);
                let measured = [("join", 612_345, "us"), ("event", 98_700, "us"), (HOSTILE, 3, HOSTILE)];
                let measured =
                    measured.map(|(name, value, unit)| Measurement { name: name.into(), value, unit: unit.into() });
                if let Some(Event::CaseDecided { result, .. }) = self.events.last_mut() {
                    result.measurements = measured.to_vec();
                }
            }
        }
    }

    fn invariants(&mut self) {
        let file = "scenarios/invariant.yaml";
        self.case("invariant/recipients", "PDUs go to servers in the room", Level::Must, None, file);
        let breach = failure("traffic", "every PDU", "a member in the room", "none", Some(3));
        self.decide("invariant/recipients", "alpha", Verdict::Fail, HOSTILE, vec![], Some(breach));
        self.add_facts(&[("cause", "acl/endpoint/backfill/v12"), ("room", HOSTILE)]);
        self.case("invariant/signed", "requests are signed", Level::Must, None, file);
        self.decide("invariant/signed", "alpha", Verdict::Pass, "", vec![], None);
    }

    /// Facts of the case that was decided last.
    fn add_facts(&mut self, facts: &[(&str, &str)]) {
        if let Some(Event::CaseDecided { result, .. }) = self.events.last_mut() {
            result.facts = facts.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        }
    }

    fn end(self, complete: bool, stopped_because: &str) -> Vec<Event> {
        let mut events = vec![Event::RunStarted { identity: identity(), cases: self.cases }];
        events.extend(self.events);
        events.push(Event::RunFinished {
            complete,
            stopped_because: stopped_because.into(),
            wall_ms: WallMs { total: 72_345, boot: 5_812, cases: 66_020, client: 0 },
            usage: vec![
                ServerUsage { name: "alpha".into(), cpu_ms: 35_210, rss_bytes: 182 * 1024 * 1024 },
                ServerUsage { name: "beta".into(), cpu_ms: 22_870, rss_bytes: 164 * 1024 * 1024 },
            ],
        });
        events
    }
}

fn failure(phase: &str, step: &str, expected: &str, seen: &str, exchange: Option<u64>) -> Failure {
    Failure {
        phase: phase.into(),
        step: step.into(),
        location: Location { file: "scenarios/acl/endpoint.yaml".into(), line: 88 },
        expected: expected.into(),
        seen: seen.into(),
        exchanges: exchange.into_iter().collect(),
    }
}

fn identity() -> Identity {
    Identity {
        run_id: "20261124-203100-7f3a".into(),
        started_at: "2026-11-24T20:31:00Z".into(),
        suite_version: "0.1.0".into(),
        suite_digest: "9c1185a5c5e9fc54612808977ee8f548b2258d31".into(),
        deployment: "pair".into(),
        backend: "process".into(),
        profile: "matrix-spec".into(),
        client: String::new(),
        seed: 42,
        selectors: vec!["acl/**".into()],
        jobs: 4,
        strict: false,
        machine: "linux x86_64, 2 cores".into(),
        command: ["fedproof", "run", "acl/**", "--deployment", "pair"].map(str::to_owned).into(),
    }
}
