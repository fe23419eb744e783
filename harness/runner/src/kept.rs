//! What a homeserver keeps, its log and its data, searched for what it must not be able to read.

use fedproof_core::invariant::{Breach, Judgement, canaries_in};
use fedproof_deployment::Home;
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Adds a breach for each canary in each file.
pub(crate) fn search(homeserver: &Home, judgement: &mut Judgement) {
    let Some(homeserver) = homeserver.booted() else {
        return judgement.unclear("homeserver whose data and log are somebody else's");
    };
    let files = homeserver.data_files();
    if files.is_empty() {
        judgement.unclear("homeserver whose data is in PostgreSQL");
    }
    for file in files.iter().map(PathBuf::as_path).chain([homeserver.log_path()]) {
        match fs::read(file) {
            Ok(data) => judgement.breaches.extend(breaches(homeserver.name(), file, &data)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => judgement.unclear("file that cannot be read"),
        }
    }
}

fn breaches(homeserver: &str, file: &Path, data: &[u8]) -> Vec<Breach> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let told = |canary| Breach {
        exchange: None,
        what: format!("{canary} can be read in {name} of {homeserver}"),
        names: canary,
    };
    canaries_in(data).into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fedproof_core::invariant::canary;

    #[test]
    fn each_canary_is_one_breach_which_names_its_instance() {
        let data = format!("INFO got {0}; INFO got {0}", canary("i1-0000"));
        let found = breaches("alpha", Path::new("logs/alpha.log"), data.as_bytes());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "fedproof-canary-i1-0000 can be read in alpha.log of alpha");
        assert!(breaches("alpha", Path::new("x"), b"nothing").is_empty());
    }
}
