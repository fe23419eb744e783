//! `offers`: whether the client under test has the features that the profile demands. What a client does not offer no
//! scenario asks of it, so that one which has lost a feature would merely have more cases skipped.

use super::{With, text};
use crate::{
    outcome::{Done, StepError},
    step::Scene,
};
use serde_json::{Value, json};

/// `server`: whose client it is. `capabilities`: what it must offer, names as in its `hello`. Result: how many these are.
pub(super) fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let server = text(with, "server")?;
    let demanded = with.get("capabilities").and_then(Value::as_array);
    let demanded = demanded.ok_or_else(|| StepError::broken("the check needs a list `capabilities`"))?;
    let Some(hello) = &scene.stage.client else {
        return Err(StepError::Moot { reason: "no client under test took part".to_owned(), elsewhere: true });
    };
    let offered = |name: &Value| hello.capabilities.iter().any(|capability| name == capability);
    let lacking: Vec<String> = demanded.iter().filter(|name| !offered(name)).map(Value::to_string).collect();
    if lacking.is_empty() {
        return Ok(Done { result: json!({"demanded": demanded.len()}), ..Done::default() });
    }
    Err(StepError::Unmet {
        expected: format!("a client of {server} that offers all {} features that are demanded", demanded.len()),
        seen: format!("{} {} does not offer {}", hello.name, hello.version, lacking.join(", ")),
        exchanges: Vec::new(),
    })
}
