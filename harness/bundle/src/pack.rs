//! Making a bundle.

use crate::{BUNDLE_SCHEMA, BundleError, FileEntry, Manifest, RunEntry, SigningKey, deviations, expired, shortcomings};
use fedproof_report::{Archive, write_atomically};
use fedproof_results::{CaseInfo, Day, RunRecord};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What goes into a bundle.
#[derive(Clone, Debug)]
pub struct Contents<'c> {
    /// Results folders of runs; each goes in whole.
    pub runs: &'c [PathBuf],
    /// The cases that a qualification has to decide; `catalogue.json` of the bundle.
    pub asked: &'c [CaseInfo],
    /// Further files, such as bills of material, policies and profiles, by their path in the archive.
    pub beside: &'c [(String, PathBuf)],
    /// RFC 3339, UTC.
    pub made_at: &'c str,
    /// fedproof's version.
    pub suite_version: &'c str,
}

/// Folder of the profile that says what had to be decided, in a bundle.
pub const PROFILE: &str = "profile/";
/// Name of the manifest in a bundle.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Name of the list of what had to be decided.
pub(crate) const CATALOGUE: &str = "catalogue.json";

/// Writes `to` and its signature beside it, `TO.sig`; says what the manifest does. The same contents give the same bytes.
///
/// # Errors
/// If a run or a file cannot be read, or the bundle not be written.
pub fn pack(contents: &Contents, key: &SigningKey, to: &Path) -> Result<Manifest, BundleError> {
    let mut files: Vec<(String, Vec<u8>)> = vec![(CATALOGUE.to_owned(), encode(&contents.asked)?)];
    let mut records: Vec<RunRecord> = Vec::new();
    let mut runs = Vec::new();
    for folder in contents.runs {
        let record = Archive::read(folder)?;
        let inside = format!("runs/{}", record.identity.run_id);
        collect(folder, &inside, &mut files)?;
        runs.push(entry(inside, &record));
        records.push(record);
    }
    for (path, file) in contents.beside {
        files.push((path.clone(), read(file)?));
    }
    files.sort();
    if let Some(pair) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(BundleError::Twice { file: pair[0].0.clone() });
    }
    let because = because(&records, contents.asked, contents.made_at)?;
    let manifest = Manifest {
        schema: BUNDLE_SCHEMA.to_owned(),
        suite_version: contents.suite_version.to_owned(),
        made_at: contents.made_at.to_owned(),
        qualified: because.is_empty(),
        because,
        runs,
        deviations: deviations(&records),
        files: files.iter().map(|(path, content)| file_entry(path, content)).collect(),
    };
    files.insert(0, (MANIFEST.to_owned(), encode(&manifest)?));
    let archive = archived(&files).map_err(|error| BundleError::Malformed(format!("it cannot be packed: {error}")))?;
    // The signature first: an archive without one is no bundle, a signature without its archive is nothing.
    write_atomically(&signature_of(to), format!("{}\n", key.sign(&archive)).as_bytes())?;
    write_atomically(to, &archive)?;
    Ok(manifest)
}

/// Why these runs are no qualification on the day of `made_at`.
pub(crate) fn because(runs: &[RunRecord], asked: &[CaseInfo], made_at: &str) -> Result<Vec<String>, BundleError> {
    let today = Day::of_time(made_at).map_err(|error| BundleError::Malformed(error.to_string()))?;
    // To the second: what is later cannot be in it. So acceptances end no later than the runs show.
    let second = |at: &str| at.get(..19).unwrap_or(at).to_owned();
    let later = runs.iter().filter(|run| second(&run.identity.started_at) > second(made_at));
    let later = later.map(|run| format!("run {} began after the bundle was made", run.identity.run_id));
    Ok(shortcomings(runs, asked).into_iter().chain(expired(runs, today)).chain(later).collect())
}

/// Where the signature of a bundle is.
pub(crate) fn signature_of(bundle: &Path) -> PathBuf {
    let mut name = bundle.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

pub(crate) fn entry(folder: String, record: &RunRecord) -> RunEntry {
    RunEntry {
        folder,
        run_id: record.identity.run_id.clone(),
        verdict: record.verdict,
        deployment: record.identity.deployment.clone(),
        profile: record.identity.profile.clone(),
        suite_digest: record.identity.suite_digest.clone(),
        servers: record.servers.clone(),
    }
}

pub(crate) fn file_entry(path: &str, content: &[u8]) -> FileEntry {
    let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    FileEntry { path: path.to_owned(), bytes: content.len() as u64, sha256 }
}

/// Every regular file below a folder; links are not followed.
fn collect(folder: &Path, inside: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), BundleError> {
    let failed = |source| BundleError::Read { path: folder.to_owned(), source };
    for file in fs::read_dir(folder).map_err(failed)? {
        let file = file.map_err(failed)?;
        let kind = file.file_type().map_err(failed)?;
        let inside = format!("{inside}/{}", file.file_name().to_string_lossy());
        if kind.is_dir() {
            collect(&file.path(), &inside, files)?;
        } else if kind.is_file() {
            files.push((inside, read(&file.path())?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    fs::read(path).map_err(|source| BundleError::Read { path: path.to_owned(), source })
}

fn encode(value: &impl serde::Serialize) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec_pretty(value).map_err(|error| BundleError::Malformed(error.to_string()))
}

fn archived(files: &[(String, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive.append_data(&mut header, path, content.as_slice())?;
    }
    archive.into_inner()?.finish()
}
