//! Which shard this process is, where those who start many tell it by its environment.

use crate::error::CliError;
use fedproof_load::Shard;

/// What a Kubernetes Indexed Job tells each of its pods: a number from 0.
const INDEX: &str = "JOB_COMPLETION_INDEX";
/// What a Docker Swarm service is to be given as `{{.Task.Slot}}`: a number from 1.
const SLOT: &str = "FEDPROOF_TASK_SLOT";
/// How many shards there are. Neither of them tells.
const COUNT: &str = "FEDPROOF_SHARDS";

/// The shard that the environment names; nothing if it names none.
pub(super) fn shard_of_environment() -> Result<Option<Shard>, CliError> {
    shard(|name| std::env::var(name).ok()).map_err(CliError::bad_input)
}

fn shard(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Shard>, String> {
    let read = |name: &str| match variable(name) {
        Some(text) => text.parse::<u32>().map(Some).map_err(|_| format!("{name} is {text:?}: expected a number")),
        None => Ok(None),
    };
    let (name, index) = match (read(INDEX)?, read(SLOT)?) {
        (None, None) => return Ok(None),
        (Some(index), None) => (INDEX, Some(index)),
        (None, Some(slot)) => (SLOT, slot.checked_sub(1)),
        (Some(_), Some(_)) => return Err(format!("{INDEX} and {SLOT} are set: which of them is it?")),
    };
    // Every process would do all of the load.
    let count = read(COUNT)?.ok_or_else(|| format!("{name} is set, and {COUNT} is not: shard of how many?"))?;
    match index {
        Some(index) if index < count => Ok(Some(Shard { index, count })),
        _ => Err(format!("{name} is {}, which is no shard of {count}", variable(name).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<Option<Shard>, String> {
        shard(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn kubernetes_counts_from_0_and_swarm_from_1() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[(COUNT, "4")]), Ok(None));
        assert_eq!(of(&[(INDEX, "0"), (COUNT, "4")]), Ok(Some(Shard { index: 0, count: 4 })));
        assert_eq!(of(&[(SLOT, "4"), (COUNT, "4")]), Ok(Some(Shard { index: 3, count: 4 })));
    }

    #[test]
    fn what_names_no_shard_is_refused() {
        for (set, word) in [
            (&[(INDEX, "4"), (COUNT, "4")][..], "no shard of 4"),
            (&[(SLOT, "0"), (COUNT, "4")], "no shard of 4"),
            (&[(INDEX, "1")], COUNT),
            (&[(INDEX, "one"), (COUNT, "4")], "expected a number"),
            (&[(INDEX, "1"), (SLOT, "1"), (COUNT, "4")], "which of them"),
        ] {
            let error = of(set).expect_err(word);
            assert!(error.contains(word), "{error}");
        }
    }
}
