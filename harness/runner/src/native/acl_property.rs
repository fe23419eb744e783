//! Whether a real server decides like the reference rule: drawn lists and names, asked by an idempotent request.

use super::{With, acl_draw, acl_draw::List, acl_draw::Name, number, text};
use crate::{
    actor::Player,
    names::Names,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_client::Client;
use fedproof_core::{ServerName, acl::Acl, path::encode};
use fedproof_gateway::Reply;
use futures::{StreamExt, TryStreamExt, stream};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

/// Requests at once.
const AT_ONCE: usize = 8;
/// Most lists and names that are tried to make a disagreement smaller.
const SHRINK_LIMIT: usize = 400;

/// Draws a pool of `names` server names and lists until there are `pairs` of both (`--pairs` goes before), sets every
/// list as the client `setter` in `room`, and asks the homeserver as every name, by make_join. The smallest pair on which
/// it disagrees with [`Acl`] is the failure, as a group for the table of a scenario.
pub(crate) async fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let room = text(with, "room")?;
    let Player::Client(setter) = scene.player(text(with, "setter")?)? else {
        return Err(StepError::broken("`setter` must be a client"));
    };
    let pairs = scene.stage.pairs.unwrap_or_else(|| number(with, "pairs", 1000)).max(1);
    // Every new name costs the server a key fetch, every new list an event: as many of one as of the other.
    let names = number(with, "names", 50).max(pairs.isqrt()).min(pairs);
    let bench = Bench { scene, room, setter, to: setter.server(), names: Names(&scene.stage.id) };
    let mut runner = runner(scene.stage.seed);
    let mut pool = Vec::new();
    for _ in 0..names {
        pool.push(draw(&mut runner, acl_draw::name())?);
    }
    let drawn: Vec<Name> = pool.iter().map(ValueTree::current).collect();
    let lists = acl_draw::list(bench.names, &drawn);
    let outcome = async {
        let (mut asked, mut denied) = (0, 0);
        while asked < pairs {
            let mut list = draw(&mut runner, &lists)?;
            let found = bench.ask_all(&list.current(), &drawn).await?;
            asked += found.len() as u64;
            denied += found.iter().filter(|(_, answer)| !answer.expected).count() as u64;
            if let Some((index, answer)) = found.into_iter().find(|(_, answer)| answer.disagrees()) {
                return Err(bench.smallest(&mut list, &mut pool[index], answer).await?);
            }
        }
        if denied * 20 < asked || denied * 20 > asked * 19 {
            return Err(StepError::broken(format!("of {asked} pairs {denied} are denied: the draw shows too little")));
        }
        Ok(Done { result: asked.into(), answer: None, flaw: None })
    };
    let outcome = outcome.await;
    for name in &drawn {
        scene.stage.gateway.retire(&name.spell(bench.names));
    }
    outcome
}

/// A runner that draws the same for the same seed.
fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn draw<S: Strategy>(runner: &mut TestRunner, strategy: S) -> Result<S::Tree, StepError> {
    strategy.new_tree(runner).map_err(|reason| StepError::broken(format!("draw a value: {reason}")))
}

/// What a server said of a name, and what the rule says.
struct Answer {
    expected: bool,
    reply: Reply,
}

impl Answer {
    fn disagrees(&self) -> bool {
        self.reply.status != if self.expected { 200 } else { 403 }
    }
}

/// Where pairs are tried.
struct Bench<'a> {
    scene: &'a Scene<'a>,
    room: &'a str,
    setter: &'a Client,
    to: &'a ServerName,
    names: Names<'a>,
}

impl Bench<'_> {
    /// Sets a list and asks as each name; answers with the index of their name.
    async fn ask_all(&self, list: &List, names: &[Name]) -> Result<Vec<(usize, Answer)>, StepError> {
        let content = self.set(list).await?;
        let rule = Acl::from_content(&content);
        let asked: Vec<_> = names.iter().map(|name| self.ask(&rule, name)).collect();
        let answers: Vec<Answer> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        Ok(answers.into_iter().enumerate().collect())
    }

    async fn set(&self, list: &List) -> Result<Value, StepError> {
        let content = list.content(self.to);
        let done =
            crate::verb::client::send(self.setter, self.room, "m.room.server_acl", Some(""), &content, "").await?;
        match done.answer.filter(|answer| answer.status != 200) {
            None => Ok(content),
            Some(answer) => Err(StepError::Broken {
                reason: format!("the list {content} could not be set: {} {}", answer.status, answer.exchange.response),
                exchanges: vec![answer.exchange.id],
            }),
        }
    }

    async fn ask(&self, rule: &Acl, name: &Name) -> Result<Answer, StepError> {
        let server = self.scene.stage.world.server(name.spell(self.names));
        let (room, user) = (encode(self.room), encode(&server.user("user")));
        let path = format!("/_matrix/federation/v1/make_join/{room}/{user}?ver=10&ver=11&ver=12");
        let reply = server.request(self.to, "GET", &path, None).await?;
        Ok(Answer { expected: rule.decide(server.name().as_str()).is_allowed(), reply })
    }

    /// Shrinks list and name in turn as long as the server disagrees, and words what is left.
    async fn smallest(
        &self,
        list: &mut impl ValueTree<Value = List>,
        name: &mut impl ValueTree<Value = Name>,
        first: Answer,
    ) -> Result<StepError, StepError> {
        let (mut answer, mut tries) = (first, 0);
        let (mut small_list, mut small_name) = (list.current(), name.current());
        let (mut simpler_list, mut simpler_name) = (list.simplify(), true);
        while simpler_list && tries < SHRINK_LIMIT {
            tries += 1;
            let tried = self.ask_all(&list.current(), std::slice::from_ref(&small_name)).await?;
            match tried.into_iter().find(|(_, answer)| answer.disagrees()) {
                Some((_, tried)) => {
                    (answer, small_list) = (tried, list.current());
                    simpler_list = list.simplify();
                }
                None => simpler_list = list.complicate(),
            }
        }
        let rule = Acl::from_content(&self.set(&small_list).await?);
        simpler_name &= name.simplify();
        while simpler_name && tries < SHRINK_LIMIT {
            tries += 1;
            let tried = self.ask(&rule, &name.current()).await?;
            if tried.disagrees() {
                (answer, small_name) = (tried, name.current());
                simpler_name = name.simplify();
            } else {
                simpler_name = name.complicate();
            }
        }
        Ok(self.in_words(&small_list, &small_name, &answer))
    }

    /// The failure: what was expected, and the pair as a group of a scenario's table.
    fn in_words(&self, list: &List, name: &Name, answer: &Answer) -> StepError {
        let (content, spelt) = (list.content(self.to), name.spell(self.names));
        let word = if answer.expected { "allowed" } else { "denied" };
        let seed = self.scene.stage.seed;
        // One line: reports keep line breaks out of what servers say.
        let row = format!(
            "- {{vars: {{acl: {content}}}, rows: [{{id: acl/match/found/by-seed-{seed}, title: \"found by seed {seed}\", \
             answer: {word}, vars: {{name: \"{spelt}\"}}}}]}}"
        );
        let row = row
            .replace(self.names.0, "${unique}")
            .replace(&self.names.v4(), "${ip.v4}")
            .replace(&self.names.v6(), "${ip.v6}")
            .replace(self.to.as_str(), "${S}");
        StepError::Unmet {
            expected: format!("{spelt} {word} under {content}"),
            seen: format!(
                "status {} {}; to keep it, paste into `groups` of scenarios/acl/match/patterns.yaml: {row}",
                answer.reply.status, answer.reply.exchange.response
            ),
            exchanges: vec![answer.reply.exchange.id],
        }
    }
}
