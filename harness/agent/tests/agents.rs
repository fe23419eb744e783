//! Agents that do as they are told, and agents that hang, die and babble: small shell scripts that speak the protocol.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use fedproof_agent::{Agent, AgentError, Program};
use fedproof_agent_protocol::Command;
use serde_json::json;
use std::{path::Path, time::Duration};

const HELLO: &str =
    r#"echo '{"hello":{"protocol":1,"name":"fake","version":"1","capabilities":["back_up","restore"]}}'"#;
const LIMIT: Duration = Duration::from_secs(20);

async fn start(folder: &Path, script: &str) -> Result<Agent, AgentError> {
    let program = Program::ready("fake", ["sh", "-c", script].map(str::to_owned).to_vec());
    Agent::start(&program, &folder.join("own"), &folder.join("record.jsonl"), None).await
}

async fn told(script: &str, command: Command, limit: Duration) -> Result<serde_json::Value, AgentError> {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path(), &format!("{HELLO}; {script}")).await?.order(command, limit).await
}

#[tokio::test]
async fn it_is_who_it_says_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let answer = r#"read line; echo '{"synced":{}}'; echo '{"answer":{"id":1,"result":{"n":7}}}'; cat > /dev/null"#;
    let agent = start(folder.path(), &format!("{HELLO}; {answer}")).await.unwrap();
    assert_eq!((agent.hello().name.as_str(), agent.hello().version.as_str()), ("fake", "1"));
    assert_eq!(agent.order(Command::BackUp {}, LIMIT).await.unwrap(), json!({"n": 7}));
    assert_eq!(*agent.syncs().borrow(), 1);
}

#[tokio::test]
async fn a_refusal_is_its_word() {
    let no = r#"read line; echo '{"refusal":{"id":1,"reason":"no backup"}}'; cat > /dev/null"#;
    let error = told(no, Command::BackUp {}, LIMIT).await.unwrap_err();
    assert!(matches!(&error, AgentError::Refused { reason, .. } if reason == "no backup"), "{error}");
}

#[tokio::test]
async fn what_it_never_offered_it_is_not_asked_for() {
    let error = told("cat > /dev/null", Command::LogOut {}, LIMIT).await.unwrap_err();
    assert_eq!(error.to_string(), "fake cannot `log_out`");
}

#[tokio::test]
async fn one_that_dies_is_told_with_its_last_words() {
    let error = told("read line; echo 'out of luck' >&2; exit 7", Command::BackUp {}, LIMIT).await.unwrap_err();
    assert!(matches!(&error, AgentError::Died { said, .. } if said == "out of luck"), "{error}");
}

#[tokio::test]
async fn one_that_hangs_is_told_with_its_last_words() {
    let hang = "echo 'thinking' >&2; cat > /dev/null";
    let error = told(hang, Command::BackUp {}, Duration::from_millis(500)).await.unwrap_err();
    assert!(
        matches!(&error, AgentError::Silent { order, said, .. } if order == "back_up" && said == "thinking"),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_babbles_has_broken_the_protocol_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let agent =
        start(folder.path(), &format!("{HELLO}; read line; echo 'hello world'; cat > /dev/null")).await.unwrap();
    for _ in 0..2 {
        let error = agent.order(Command::BackUp {}, LIMIT).await.unwrap_err();
        assert!(matches!(&error, AgentError::Protocol { line, .. } if line == "hello world"), "{error}");
    }
}

#[tokio::test]
async fn one_of_another_protocol_is_not_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let other = r#"echo '{"hello":{"protocol":2,"name":"n","version":"1","capabilities":[]}}'; cat > /dev/null"#;
    let error = start(folder.path(), other).await.err().unwrap();
    assert!(error.to_string().contains("it speaks version 2, this fedproof version 1"), "{error}");
    let dead = start(folder.path(), "echo 'no store' >&2; exit 3").await.err().unwrap();
    assert!(dead.to_string().contains("no store"), "{dead}");
}

#[tokio::test]
async fn no_secret_gets_into_the_record_and_no_process_stays() {
    let folder = tempfile::tempdir().unwrap();
    let answer =
        r#"echo $$ > pid; read line; echo "got $line" >&2; echo '{"answer":{"id":1,"result":{}}}'; cat > /dev/null"#;
    let agent = start(folder.path(), &format!("{HELLO}; {answer}")).await.unwrap();
    agent.order(Command::Restore { recovery_key: "EsTx".to_owned() }, LIMIT).await.unwrap();
    let read = || std::fs::read_to_string(folder.path().join("record.jsonl")).unwrap();
    let logged = async {
        while !read().contains("got ") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, logged).await.expect("its log is recorded");
    let record = read();
    assert!(record.contains("restore") && !record.contains("EsTx"), "{record}");
    let pid = std::fs::read_to_string(folder.path().join("own/pid")).unwrap();
    drop(agent);
    let process = format!("/proc/{}", pid.trim());
    let gone = async {
        // Its parent still has to take note of its end.
        while std::fs::read_to_string(format!("{process}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.expect("it ends");
}

/// Cargo tells this test things that an agent must not be told.
#[tokio::test]
async fn what_it_is_told_of_the_machine_is_its_own() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let folder = tempfile::tempdir().unwrap();
    let agent = start(folder.path(), &format!("env > env.txt; {HELLO}; cat > /dev/null")).await.unwrap();
    let own = folder.path().join("own");
    let told = std::fs::read_to_string(own.join("env.txt")).unwrap();
    let names: Vec<&str> = told.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // The shell adds some of its own.
    assert!(names.contains(&"PATH") && !names.iter().any(|name| name.starts_with("CARGO")), "{told}");
    for (name, below) in
        [("HOME", ""), ("TMPDIR", "tmp"), ("XDG_CONFIG_HOME", "config"), ("XDG_RUNTIME_DIR", "runtime")]
    {
        let line = format!("{name}={}", own.join(below).display());
        assert!(told.lines().any(|told| told.trim_end_matches('/') == line.trim_end_matches('/')), "{line}: {told}");
        assert!(own.join(below).is_dir());
    }
    drop(agent);
}
