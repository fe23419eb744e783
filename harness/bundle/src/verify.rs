//! Checking a bundle, without a network and without believing it.

use crate::{
    BUNDLE_SCHEMA, BundleError, Manifest, RunEntry, VerifyingKey, deviations,
    pack::{CATALOGUE, MANIFEST, PROFILE, because, entry, file_entry, signature_of},
};
use fedproof_report::{EVENTS, RECORD};
use fedproof_results::{CaseInfo, Event, Line, RunRecord, RunVerdict, every_line};
use flate2::read::GzDecoder;
use std::{collections::BTreeMap, fs, io::Read, path::Path};

/// A bundle that holds, by itself.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What it says.
    pub manifest: Manifest,
    /// What had to be decided, as its maker says: [`crate::withheld`] holds it against a catalogue that is known.
    pub asked: Vec<CaseInfo>,
    /// The runs, as their events tell them.
    pub records: Vec<RunRecord>,
    /// The profiles by which it had, by path below [`PROFILE`]: whether they accept what the runs say they do is for whoever
    /// can read one.
    pub profiles: BTreeMap<String, String>,
}

/// Checks signature, checksums and conclusions of a bundle, in this order; gives what it says if all of them hold.
///
/// # Errors
/// [`BundleError`] says what does not hold. Nothing in the archive is looked at before its signature was.
pub fn verify(bundle: &Path, signature: Option<&Path>, key: &VerifyingKey) -> Result<Verified, BundleError> {
    let read = |path: &Path| fs::read(path).map_err(|source| BundleError::Read { path: path.to_owned(), source });
    let archive = read(bundle)?;
    let beside = signature_of(bundle);
    let signature = read(signature.unwrap_or(&beside))?;
    if !key.holds(&archive, &String::from_utf8_lossy(&signature)) {
        return Err(BundleError::Signature);
    }
    let mut files = unpacked(&archive)?;
    let manifest = files.remove(MANIFEST).ok_or_else(|| BundleError::Malformed(format!("it has no {MANIFEST}")))?;
    let manifest: Manifest = parse(MANIFEST, &manifest)?;
    if manifest.schema != BUNDLE_SCHEMA {
        let found = &manifest.schema;
        return Err(BundleError::Malformed(format!("its schema is {found:?}, this fedproof reads {BUNDLE_SCHEMA:?}")));
    }
    are_the_files(&manifest, &files)?;
    let asked: Vec<CaseInfo> = parse(CATALOGUE, files.get(CATALOGUE).map(Vec::as_slice).unwrap_or_default())?;
    let records = concludes(&manifest, &asked, &files)?;
    let profiles = files.iter().filter_map(|(path, content)| {
        Some((path.strip_prefix(PROFILE)?.to_owned(), String::from_utf8_lossy(content).into_owned()))
    });
    let profiles = profiles.collect();
    Ok(Verified { manifest, asked, records, profiles })
}

fn unpacked(archive: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
    let failed = |error: std::io::Error| BundleError::Malformed(error.to_string());
    let mut files = BTreeMap::new();
    for file in tar::Archive::new(GzDecoder::new(archive)).entries().map_err(failed)? {
        let mut file = file.map_err(failed)?;
        let path = file.path().map_err(failed)?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(failed)?;
        if files.insert(path.clone(), content).is_some() {
            return Err(BundleError::Content { file: path, what: "is there twice".to_owned() });
        }
    }
    Ok(files)
}

fn are_the_files(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    let wrong = |file: &str, what: &str| Err(BundleError::Content { file: file.to_owned(), what: what.to_owned() });
    for listed in &manifest.files {
        match files.get(&listed.path) {
            None => return wrong(&listed.path, "is missing"),
            Some(content) if file_entry(&listed.path, content) != *listed => {
                return wrong(&listed.path, "is not the file that the manifest lists: another checksum");
            }
            Some(_) => {}
        }
    }
    let is_listed = |path: &str| manifest.files.iter().any(|listed| listed.path == path);
    match files.keys().find(|path| !is_listed(path)) {
        Some(path) => wrong(path, "is not in the manifest"),
        None => Ok(()),
    }
}

/// Whether the manifest says what follows from the streams of events; gives the runs that they tell.
fn concludes(
    manifest: &Manifest,
    asked: &[CaseInfo],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<RunRecord>, BundleError> {
    let mut records = Vec::new();
    let mut runs = Vec::new();
    for run in &manifest.runs {
        let content = |path: &str| files.get(path).map(Vec::as_slice).unwrap_or_default();
        let path = format!("{}/{EVENTS}", run.folder);
        let stream = content(&path);
        let lines = stream.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let events = lines.map(|line| parse::<Event>(&path, line)).collect::<Result<Vec<_>, _>>()?;
        let record = RunRecord::from_events(&events);
        let record = record.ok_or_else(|| BundleError::Malformed(format!("{path} holds no run")))?;
        let beside = format!("{}/{RECORD}", run.folder);
        // A run that died has none.
        if files.contains_key(&beside) && said(&parse(&beside, content(&beside))?) != said(&record) {
            let what = format!("says otherwise than the {EVENTS} beside it");
            return Err(BundleError::Content { file: beside, what });
        }
        runs.push(entry(run.folder.clone(), &record));
        records.push(record);
    }
    // Words may be others in another version of fedproof; what they come to may not.
    let because = because(&records, asked, &manifest.made_at)?;
    let wrong = |said: String, found: String| Err(BundleError::Conclusion { said, found });
    if runs != manifest.runs {
        let told = |runs: &[RunEntry]| {
            let runs = runs.iter().map(|run| format!("{} {} on {}", run.run_id, run.verdict.title(), run.deployment));
            runs.collect::<Vec<_>>().join(", ")
        };
        return wrong(told(&manifest.runs), told(&runs));
    }
    if deviations(&records).len() != manifest.deviations.len() {
        let told = |count: usize| format!("{count} accepted failures");
        return wrong(told(manifest.deviations.len()), told(deviations(&records).len()));
    }
    if manifest.qualified != because.is_empty() {
        let told = |qualified: bool, because: &[String]| match qualified {
            true => "a qualification".to_owned(),
            false => format!("no qualification ({})", because.join("; ")),
        };
        return wrong(told(manifest.qualified, &manifest.because), told(because.is_empty(), &because));
    }
    Ok(records)
}

/// What programs read of a run's record: its word, and that of every case on every homeserver.
fn said(record: &RunRecord) -> (RunVerdict, bool, Vec<Line>) {
    (record.verdict, record.complete, every_line(record))
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, content: &[u8]) -> Result<T, BundleError> {
    serde_json::from_slice(content).map_err(|error| BundleError::Malformed(format!("{file}: {error}")))
}
