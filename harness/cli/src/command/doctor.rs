//! `fedproof doctor`: what this machine lacks.

use crate::{
    args::{Doctor, Format},
    error::CliError,
    stdout,
};
use fedproof_results::exit;
use serde_json::json;

/// Checks the machine; exit code 3 if something is missing that the main job needs.
pub(crate) async fn doctor(args: &Doctor) -> Result<u8, CliError> {
    let checks = fedproof_deployment::doctor(&fedproof_deployment::default_cache()).await;
    let healthy = checks.iter().all(|check| check.ok || !check.required);
    match args.format {
        Format::Json => {
            let rows: Vec<_> = checks
                .iter()
                .map(|check| {
                    json!({"name": check.name, "ok": check.ok, "required": check.required, "detail": check.detail, "hint": check.hint})
                })
                .collect();
            stdout::json(&json!({"healthy": healthy, "checks": rows}));
        }
        Format::Text => {
            for check in &checks {
                let mark = match (check.ok, check.required) {
                    (true, _) => "ok     ",
                    (false, true) => "MISSING",
                    (false, false) => "absent ",
                };
                stdout::print(&format!("{mark}  {:18} {}", check.name, check.detail));
                if !check.ok && !check.hint.is_empty() {
                    stdout::print(&format!("                            → {}", check.hint));
                }
            }
            stdout::print(if healthy { "this machine can run fedproof" } else { "this machine lacks something" });
        }
    }
    Ok(if healthy { exit::QUALIFIED } else { exit::INCONCLUSIVE })
}
