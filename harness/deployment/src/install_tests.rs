//! Installing with a Python that is a shell script: what goes where, what a failure leaves, who waits for whom.

use super::*;
use crate::adapter::Adapter;
use std::{
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

/// Notes its calls in `calls` beside it, makes environments of itself, and fails to install while there is `broken`.
const FAKE_PYTHON: &str = r#"#!/bin/sh
here=HERE
case "$*" in
  *"-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo venv >> $here/calls;;
  *"-m pip install "*)
    echo "pip $*" >> $here/calls
    echo "Collecting this-and-that>=1 (from x)"
    while [ -e $here/slow ]; do sleep 0.02; done
    if [ -e $here/broken ]; then echo "ERROR: the index is on fire" >&2; exit 7; fi;;
  *) echo "3.11.7 ";;
esac
"#;

struct Machine {
    folder: TempDir,
    adapter: Adapter,
    python: Python,
    said: Arc<Mutex<Vec<String>>>,
    notify: Notify,
}

impl Machine {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("python3");
        std::fs::write(&program, FAKE_PYTHON.replace("HERE", &folder.path().to_string_lossy())).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = said.clone();
        Self {
            adapter: Adapter::read(&fixtures, "synapse").unwrap(),
            python: Python::at(program).await.unwrap(),
            notify: Arc::new(move |_, text| heard.lock().unwrap().push(text)),
            said,
            folder,
        }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    async fn install(&self, spec: &str) -> Result<Installed, DeploymentError> {
        let Self { adapter, python, notify, .. } = self;
        let installer = Installer { adapter, python, cache: &self.cache(), notify, project: None };
        installer.ensure(&spec.parse().unwrap()).await.map(|(installed, _)| installed)
    }

    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    fn cached(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(self.cache()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.ends_with(".lock"));
        names
    }
}

#[tokio::test]
async fn a_release_is_installed_once_with_its_constraints() {
    let machine = Machine::new().await;
    let first = machine.install("synapse@1.163.2").await.unwrap();
    assert!(first.python.is_file() && first.python.starts_with(&first.place));
    let calls = machine.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(
        calls[1].contains("matrix-synapse==1.163.2 --constraint ") && calls[1].ends_with("constraints/1.163.2.txt")
    );
    assert!(machine.said.lock().unwrap().iter().any(|said| said.ends_with("Collecting this-and-that")));
    let second = machine.install("synapse@1.163.2").await.unwrap();
    assert_eq!((second.digest, second.place), (first.digest, first.place));
    assert_eq!(machine.calls().len(), 2);
    let other = machine.install("synapse@1.152.1").await.unwrap();
    let between = machine.install("synapse@1.150.0").await.unwrap();
    let call = machine.calls().pop().unwrap();
    assert!(call.contains("matrix-synapse==1.150.0 --constraint ") && !call.contains("1.152.1.txt"), "{call}");
    assert_ne!(between.place, other.place);
    assert_ne!(other.place, second.python);
    assert_eq!(machine.cached().len(), 3);
}

#[tokio::test]
async fn a_failed_installation_says_why_and_leaves_nothing() {
    let machine = Machine::new().await;
    std::fs::write(machine.folder.path().join("broken"), "").unwrap();
    let error = machine.install("synapse@1.163.2").await.unwrap_err();
    assert_eq!(error.kind(), crate::Kind::Environment);
    assert!(
        error.to_string().contains("the index is on fire") && error.to_string().contains("exit status: 7"),
        "{error}"
    );
    assert_eq!(machine.cached(), Vec::<String>::new());
    std::fs::remove_file(machine.folder.path().join("broken")).unwrap();
    machine.install("synapse@1.163.2").await.unwrap();
}

#[tokio::test]
async fn of_two_runs_one_installs_and_the_other_waits() {
    let machine = Machine::new().await;
    let slow = machine.folder.path().join("slow");
    std::fs::write(&slow, "").unwrap();
    let end = async {
        // Both have begun once one says that it waits.
        while !machine.said.lock().unwrap().iter().any(|said| said.starts_with("waiting for another")) {
            tokio::task::yield_now().await;
        }
        std::fs::remove_file(&slow).unwrap();
    };
    let (one, two, ()) = tokio::join!(machine.install("synapse@1.163.2"), machine.install("synapse@1.163.2"), end);
    assert_eq!(one.unwrap().place, two.unwrap().place);
    assert_eq!(machine.calls().len(), 2);
}

#[tokio::test]
async fn what_a_killed_run_left_unfinished_goes_away() {
    let machine = Machine::new().await;
    let place = machine.install("synapse@1.163.2").await.unwrap().place;
    let name = place.file_name().unwrap().to_string_lossy().into_owned();
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::create_dir(machine.cache().join(format!(".{name}.abc"))).unwrap();
    machine.install("synapse@1.163.2").await.unwrap();
    assert_eq!(machine.cached(), [name]);
}

#[tokio::test]
async fn an_unknown_version_names_the_known_ones_and_how_to_add_it() {
    let machine = Machine::new().await;
    let error = machine.install("synapse@1.0.0").await.unwrap_err();
    assert_eq!(error.kind(), crate::Kind::BadInput);
    let said = error.to_string();
    assert!(said.contains("1.143.0, 1.152.1, 1.163.2") && said.contains("pip freeze > "), "{said}");
    assert!(said.contains("constraints/1.0.0.txt"), "{said}");
}

#[tokio::test]
async fn a_missing_or_odd_python_is_told() {
    let missing = Python::at("/nowhere/python3".into()).await.unwrap_err();
    assert!(missing.to_string().starts_with("use /nowhere/python3: No such file"), "{missing}");
    let odd = Python::at("/bin/true".into()).await.unwrap_err();
    assert!(odd.to_string().contains("venv"), "{odd}");
}

#[tokio::test]
async fn a_checkout_is_identified_by_its_files() {
    let machine = Machine::new().await;
    let checkout = machine.folder.path().join("checkout");
    std::fs::create_dir_all(checkout.join("synapse")).unwrap();
    let spec = format!("synapse@path:{}", checkout.display());
    let error = machine.install(&spec).await.unwrap_err();
    assert!(error.to_string().contains("pyproject.toml") && error.kind() == crate::Kind::BadInput, "{error}");
    std::fs::write(checkout.join("pyproject.toml"), "[project]\nversion = \"1.163.2\"\n").unwrap();
    std::fs::write(checkout.join("synapse/acl.py"), "one").unwrap();
    let first = machine.install(&spec).await.unwrap();
    let last = machine.calls().last().unwrap().clone();
    assert!(last.contains(&format!("{} --constraint ", checkout.display())), "{last}");
    // What running leaves behind changes nothing; a line of code does.
    std::fs::create_dir(checkout.join("synapse/__pycache__")).unwrap();
    std::fs::write(checkout.join("synapse/__pycache__/acl.pyc"), "x").unwrap();
    assert_eq!(machine.install(&spec).await.unwrap().place, first.place);
    std::fs::write(checkout.join("synapse/acl.py"), "two").unwrap();
    assert_ne!(machine.install(&spec).await.unwrap().place, first.place);
}
