//! Bills of materials that lie beside images, as `fixtures/images/build.sh` and other builds make them.

use crate::error::HardeningError;
use serde_json::Value;
use std::path::Path;

/// Names of the bills in a folder: files of JSON in the form of CycloneDX or SPDX that list something. What only looks like a bill
/// is none.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn bills(folder: &Path) -> Result<Vec<String>, HardeningError> {
    let unreadable = |source| HardeningError::Unreadable { file: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| HardeningError::Unreadable { file: path.clone(), source })?;
            if serde_json::from_str(&text).is_ok_and(|bill| is_bill(&bill)) {
                names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
            }
        }
    }
    Ok(names)
}

fn is_bill(bill: &Value) -> bool {
    let lists = |key: &str| bill[key].as_array().is_some_and(|all| !all.is_empty());
    (bill["bomFormat"] == "CycloneDX" && lists("components")) || (bill["spdxVersion"].is_string() && lists("packages"))
}

/// What the names of an image's bills begin with: its own, with a dash for every `/` and `:`.
pub(crate) fn stem(image: &str) -> String {
    format!("{}.", image.replace(['/', ':'], "-"))
}

#[cfg(test)]
mod tests {
    use super::{bills, stem};

    #[test]
    fn only_what_lists_something_is_a_bill() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a-1.debian.cdx.json", r#"{"bomFormat": "CycloneDX", "components": [{"name": "x"}]}"#),
            ("b-1.spdx.json", r#"{"spdxVersion": "SPDX-2.3", "packages": [{"name": "x"}]}"#),
            ("c-1.cdx.json", r#"{"bomFormat": "CycloneDX", "components": []}"#),
            ("d-1.cdx.json", "no JSON"),
            ("e-1.txt", r#"{"bomFormat": "CycloneDX", "components": [{"name": "x"}]}"#),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut names = bills(folder.path()).unwrap();
        names.sort();
        assert_eq!(names, ["a-1.debian.cdx.json", "b-1.spdx.json"]);
        assert!(bills(&folder.path().join("none")).is_err());
        assert_eq!(stem("fedproof/synapse:1.163.2"), "fedproof-synapse-1.163.2.");
    }
}
