//! What a bundle holds, and every way in which one must not be believed.

#![allow(clippy::unwrap_used)]

use fedproof_bundle::{BundleError, Contents, Manifest, SigningKey, VerifyingKey, pack, verify, withheld};
use fedproof_report::Archive;
use fedproof_results::{
    BuildInfo, CaseInfo, Event, Identity, Level, RunRecord, ServerInfo, SubjectResult, UPGRADED_TO, Verdict, WallMs,
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

fn case(id: &str) -> CaseInfo {
    CaseInfo {
        id: id.into(),
        title: "a case".into(),
        level: Level::Must,
        priority: 0,
        requirement: "S-S API".into(),
        scenario: "scenarios/x.yaml".into(),
        tags: vec![],
        room_version: None,
        since: None,
    }
}

/// A run of one case, stored in `folder`.
fn run(folder: &Path, id: &str, verdict: Verdict) -> PathBuf {
    run_at(folder, id, verdict, Level::Must, "d1")
}

/// A run whose profile has the case at `level`, of the build `digest`; beside it one that passes.
fn run_at(folder: &Path, id: &str, verdict: Verdict, level: Level, digest: &str) -> PathBuf {
    run_of(folder, id, verdict, level, (digest, None, false))
}

/// The same of a homeserver that begins as the first build, and is upgraded to the second: in the course of these cases, or of others.
fn run_of(
    folder: &Path,
    id: &str,
    verdict: Verdict,
    level: Level,
    (digest, upgrade_to, upgrades): (&str, Option<&str>, bool),
) -> PathBuf {
    let identity = Identity {
        run_id: id.into(),
        started_at: "2026-11-24T20:31:00Z".into(),
        suite_version: "0.1.0".into(),
        suite_digest: "9c11".into(),
        deployment: "default".into(),
        backend: "process".into(),
        profile: "matrix-spec".into(),
        client: String::new(),
        seed: 1,
        selectors: vec![],
        jobs: 1,
        strict: false,
        machine: "linux".into(),
        command: vec![],
    };
    let server = ServerInfo {
        name: "alpha".into(),
        spec: "synapse@1.163.2".into(),
        implementation: "synapse".into(),
        version: "1.163.2".into(),
        server_name: "alpha.example".into(),
        digest: digest.into(),
        upgrade_to: upgrade_to.map(|digest| BuildInfo { spec: "synapse@1.163.2".into(), digest: digest.into() }),
    };
    let result = SubjectResult {
        server: "alpha".into(),
        verdict,
        reason: String::new(),
        duration_ms: 1,
        phases: vec![],
        facts: upgrades.then(|| (UPGRADED_TO.to_owned(), "synapse@1.163.2".to_owned())).into_iter().collect(),
        measurements: vec![],
        failure: None,
        deviation: None,
    };
    let events = [
        Event::RunStarted {
            identity,
            cases: vec![CaseInfo { level, ..case("acl/a/b") }, CaseInfo { priority: 1, ..case("acl/a/c") }],
        },
        Event::DeploymentReady { servers: vec![server], boot_ms: 1 },
        Event::CaseDecided { id: "acl/a/c".into(), result: SubjectResult { verdict: Verdict::Pass, ..result.clone() } },
        Event::CaseDecided { id: "acl/a/b".into(), result },
        Event::RunFinished {
            complete: true,
            stopped_because: String::new(),
            wall_ms: WallMs::default(),
            usage: vec![],
        },
    ];
    let folder = folder.join(id);
    let mut archive = Archive::create(&folder).unwrap();
    events.iter().for_each(|event| archive.event(event).unwrap());
    archive.finish(&RunRecord::from_events(&events).unwrap(), &[]).unwrap();
    fs::create_dir(folder.join("logs")).unwrap();
    fs::write(folder.join("logs/alpha.log"), "it started\n").unwrap();
    folder
}

/// Files of an archive, by their place.
type Files = Vec<(String, Vec<u8>)>;

struct Ground {
    folder: tempfile::TempDir,
    key: SigningKey,
}

impl Ground {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: SigningKey::generate().unwrap().0 }
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("b.tar.gz")
    }

    fn pack(&self, runs: &[PathBuf], asked: &[CaseInfo]) -> Manifest {
        let contents = Contents { runs, asked, beside: &[], made_at: "2026-11-26T12:00:00Z", suite_version: "0.1.0" };
        pack(&contents, &self.key, &self.bundle()).unwrap()
    }

    fn verify(&self) -> Result<Manifest, BundleError> {
        verify(&self.bundle(), None, &self.key.verifying()).map(|verified| verified.manifest)
    }

    /// Changes what is in the bundle, and signs it again: whoever has the key can lie, and is found out.
    fn forge(&self, change: impl FnOnce(&mut Files)) {
        let archive = fs::read(self.bundle()).unwrap();
        let mut files = Vec::new();
        for file in tar::Archive::new(GzDecoder::new(archive.as_slice())).entries().unwrap() {
            let mut file = file.unwrap();
            let mut content = Vec::new();
            let path = file.path().unwrap().to_str().unwrap().to_owned();
            file.read_to_end(&mut content).unwrap();
            files.push((path, content));
        }
        change(&mut files);
        let mut forged = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            forged.append_data(&mut header, path, content.as_slice()).unwrap();
        }
        let forged = forged.into_inner().unwrap().finish().unwrap();
        fs::write(self.folder.path().join("b.tar.gz.sig"), self.key.sign(&forged)).unwrap();
        fs::write(self.bundle(), forged).unwrap();
    }
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_qualifies_is_a_qualification_and_the_same_every_time() {
    let ground = Ground::new();
    let runs = [run(ground.folder.path(), "one", Verdict::Pass)];
    let made = ground.pack(&runs, &[case("acl/a/b")]);
    assert!(made.qualified && made.because.is_empty(), "{made:?}");
    assert_eq!(ground.verify().unwrap(), made);
    assert!(made.files.iter().any(|file| file.path == "runs/one/logs/alpha.log" && file.bytes == 11), "{made:?}");
    let bytes = fs::read(ground.bundle()).unwrap();
    ground.pack(&runs, &[case("acl/a/b")]);
    assert_eq!(bytes, fs::read(ground.bundle()).unwrap());
}

#[test]
fn what_was_failed_skipped_or_not_asked_is_none() {
    let ground = Ground::new();
    let folder = ground.folder.path();
    let (passed, failed) = (run(folder, "passed", Verdict::Pass), run(folder, "failed", Verdict::Fail));
    let skipped = run(folder, "skipped", Verdict::Skipped);
    let because = |runs: &[PathBuf], asked: &[CaseInfo]| ground.pack(runs, asked).because.join("; ");
    let told = because(&[passed.clone(), failed], &[]);
    assert_eq!(told, "run failed is NOT QUALIFIED; 1 gating cases of priority 0 failed: acl/a/b");
    assert!(because(std::slice::from_ref(&skipped), &[]).contains("skipped in every run: acl/a/b"));
    assert_eq!(because(&[skipped, passed.clone()], &[]), "", "it was decided in the other run");
    assert_eq!(because(&[passed], &[case("acl/x/y")]), "1 gating cases of priority 0 were part of no run: acl/x/y");
    assert_eq!(because(&[], &[]), "there is no run");
}

#[test]
fn a_failure_that_a_lenient_profile_let_pass_is_none_that_this_one_lets() {
    let ground = Ground::new();
    // Of level SHOULD in the run, which is qualified; asked for as MUST.
    let lenient = run_at(ground.folder.path(), "lenient", Verdict::Fail, Level::Should, "d1");
    let because = ground.pack(&[lenient], &[case("acl/a/b")]).because.join("; ");
    assert_eq!(because, "1 gating cases of priority 0 failed: acl/a/b");
}

/// What is qualified is what an upgrade ends at: neither what it begins at nor another release.
#[test]
fn a_run_that_upgrades_is_of_the_build_that_it_upgrades_to() {
    let ground = Ground::new();
    let folder = ground.folder.path();
    let plain = run(folder, "plain", Verdict::Pass);
    let upgraded = |id: &str, from_to| run_of(folder, id, Verdict::Pass, Level::Must, from_to);
    let to_it = [plain.clone(), upgraded("to", ("d0", Some("d1"), true))];
    assert_eq!(ground.pack(&to_it, &[]).because, Vec::<String>::new());
    ground.verify().unwrap();
    for away in [("d1", Some("d2"), true), ("d0", Some("d2"), true)] {
        let runs = [plain.clone(), upgraded(&format!("{}-away", away.0), away)];
        let because = ground.pack(&runs, &[]).because.join("; ");
        assert_eq!(because, "the runs are of different builds: synapse@1.163.2 (d1), synapse@1.163.2 (d2)");
    }
    // A case that is played before the upgrade says nothing of what comes after it.
    let alone = [upgraded("before", ("d0", Some("d1"), false))];
    let because = ground.pack(&alone, &[case("acl/a/b")]).because.join("; ");
    assert_eq!(because, "1 gating cases of priority 0 were decided on other builds only: acl/a/b");
    let after = [upgraded("after", ("d0", Some("d1"), true))];
    assert_eq!(ground.pack(&after, &[case("acl/a/b")]).because, Vec::<String>::new());
}

#[test]
fn runs_of_two_builds_qualify_neither_and_a_run_goes_in_once() {
    let ground = Ground::new();
    let folder = ground.folder.path();
    let runs = [
        run_at(folder, "new", Verdict::Pass, Level::Must, "d2"),
        run_at(folder, "old", Verdict::Pass, Level::Must, "d1"),
    ];
    let because = ground.pack(&runs, &[]).because.join("; ");
    assert!(because.starts_with("the runs are of different builds: synapse@1.163.2 (d1), "), "{because}");
    let twice = [runs[0].clone(), runs[0].clone()];
    let contents =
        Contents { runs: &twice, asked: &[], beside: &[], made_at: "2026-11-26T12:00:00Z", suite_version: "0.1.0" };
    assert!(matches!(pack(&contents, &ground.key, &ground.bundle()), Err(BundleError::Twice { .. })));
}

#[test]
fn a_forged_bundle_is_found_out_though_it_is_signed() {
    let ground = Ground::new();
    let runs = [run(ground.folder.path(), "one", Verdict::Fail)];
    let told = |change: &dyn Fn(&mut Files)| {
        ground.pack(&runs, &[]);
        ground.forge(change);
        ground.verify().unwrap_err().to_string()
    };
    let manifest = |files: &mut Files, change: &dyn Fn(&mut Manifest)| {
        let mut manifest: Manifest = serde_json::from_slice(&files[0].1).unwrap();
        change(&mut manifest);
        files[0].1 = serde_json::to_vec(&manifest).unwrap();
    };
    let claimed = told(&|files| {
        manifest(files, &|manifest| {
            manifest.qualified = true;
            manifest.because.clear();
        });
    });
    assert!(claimed.contains("its manifest says a qualification, its runs say no qualification"), "{claimed}");
    // Whoever reads a run by a program reads its record.
    let record = told(&|files| {
        let path = "runs/one/run.json";
        let at = files.iter().position(|file| file.0 == path).unwrap();
        let better = String::from_utf8(files[at].1.clone()).unwrap().replace("not_qualified", "qualified");
        files[at].1 = better.into_bytes();
        let content = files[at].1.clone();
        manifest(files, &|manifest| {
            let listed = manifest.files.iter_mut().find(|file| file.path == path).unwrap();
            (listed.bytes, listed.sha256) = (content.len() as u64, sha256(&content));
        });
    });
    assert!(record.contains("runs/one/run.json says otherwise than the events.jsonl beside it"), "{record}");
    let log =
        told(&|files| files.iter_mut().filter(|file| file.0.ends_with(".log")).for_each(|file| file.1.push(b'x')));
    assert!(log.contains("runs/one/logs/alpha.log is not the file that the manifest lists"), "{log}");
    let more = told(&|files| files.push(("runs/one/more.txt".into(), vec![])));
    assert!(more.contains("runs/one/more.txt is not in the manifest"), "{more}");
    let less = told(&|files| files.retain(|file| !file.0.ends_with(".log")));
    assert!(less.contains("alpha.log is missing"), "{less}");
    let twice = told(&|files| files.push(files[1].clone()));
    assert!(twice.contains("is there twice"), "{twice}");
}

#[test]
fn a_run_that_began_after_the_bundle_is_not_in_it() {
    let ground = Ground::new();
    let runs = [run(ground.folder.path(), "one", Verdict::Pass)];
    let made = |made_at: &str| {
        let contents = Contents { runs: &runs, asked: &[], beside: &[], made_at, suite_version: "0.1.0" };
        pack(&contents, &ground.key, &ground.bundle()).unwrap().because.join("; ")
    };
    assert_eq!(made("2026-11-24T20:30:59.999Z"), "run one began after the bundle was made");
    assert_eq!(made("2026-11-24T20:31:00.000Z"), "");
}

#[test]
fn a_catalogue_that_asks_for_less_is_told() {
    let own = [case("acl/a/b"), case("acl/a/c"), CaseInfo { priority: 1, ..case("acl/a/d") }];
    assert_eq!(withheld(&own, &own), None);
    assert_eq!(withheld(&own[..2], &own), None, "a case of priority 1 qualifies nothing");
    assert_eq!(withheld(&[own[0].clone(), own[1].clone(), case("acl/x/y")], &own), None, "more may be asked for");
    for weaker in [
        vec![],
        vec![CaseInfo { priority: 1, ..case("acl/a/c") }],
        vec![CaseInfo { level: Level::Should, ..case("acl/a/c") }],
        vec![CaseInfo { tags: vec!["standing".into()], ..case("acl/a/c") }],
    ] {
        let asked = [vec![case("acl/a/b")], weaker].concat();
        let told = withheld(&asked, &own);
        assert_eq!(told.as_deref(), Some("1 gating cases of priority 0 are not asked for: acl/a/c"), "{asked:?}");
    }
}

#[test]
fn keys_of_openssl_are_read() {
    // RFC 8410, section 10.
    let folder = tempfile::tempdir().unwrap();
    let (secret, public) = (folder.path().join("key"), folder.path().join("key.pub"));
    fs::write(&secret, "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n").unwrap();
    fs::write(&public, "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n").unwrap();
    let (key, checks) = (SigningKey::read(&secret).unwrap(), VerifyingKey::read(&public).unwrap());
    assert_eq!(key.verifying(), checks);
    assert!(checks.holds(b"message", &key.sign(b"message")) && !checks.holds(b"massage", &key.sign(b"message")));
    assert_eq!(checks.to_pem(), fs::read_to_string(&public).unwrap());
    assert!(matches!(VerifyingKey::read(&secret), Err(BundleError::NoKey { .. })));
}
