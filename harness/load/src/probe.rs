//! The generator against one URL: what it costs itself, and whether it omits what a stalled server should have done.
//!
//! Everything is as in a load, goose's workers and arrivals from their intended start, except that there is no
//! homeserver: for tests and benches.

use crate::{
    agenda::{Agenda, Task},
    answers::Answers,
    drive::{Crew, book, drive},
    http::ask,
    operation::Operation,
    recorder::Recorder,
    schedule::Arrival,
    series::Series,
};
use fedproof_results::load::Trouble;
use hdrhistogram::Histogram;
use reqwest::Method;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// What is asked, and how.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Where.
    pub url: &'a str,
    /// How often a second, evenly.
    pub rate: f64,
    /// How often in all.
    pub count: u64,
    /// Requests in flight at most.
    pub workers: usize,
    /// How long a request may take, and how long what is due last may be late.
    pub give_up: Duration,
}

/// What came of it.
pub struct Probed {
    /// Of what was answered with a success, in microseconds.
    pub latencies: Histogram<u64>,
    /// What failed, was given up or never begun; with the latencies, all that was due.
    pub errors: u64,
    /// When nothing was answered.
    pub troubles: Vec<Trouble>,
}

/// Asks, until everything was answered or there is no more hope of it.
///
/// # Errors
/// When goose does not begin.
pub async fn probe(probe: Probe<'_>) -> Result<Probed, goose::GooseError> {
    let Probe { url, rate, count, workers, give_up } = probe;
    let series = Series::Of(Operation::Login);
    let due = |number: u64| Duration::from_secs_f64(number as f64 / rate);
    let arrivals = (0..count).map(|number| Arrival { number, due: due(number), phase: 0, operation: Operation::Login });
    let agenda = Arc::new(Agenda::new(arrivals.collect(), Vec::new()));
    let recorder = Arc::new(Recorder::default());
    let answers = Arc::new(Answers::new(std::iter::once(url.to_owned())));
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap_or_default();
    let crew = Crew::workers(&agenda, workers, {
        let (agenda, recorder, answers, url) =
            (agenda.clone(), recorder.clone(), answers.clone(), Arc::<str>::from(url));
        move |task: Task| {
            let (agenda, recorder, answers) = (agenda.clone(), recorder.clone(), answers.clone());
            let (url, http) = (url.clone(), http.clone());
            async move {
                let asked = answers.ask(0);
                let done = agenda.until_cut(ask(&http, Method::GET, &url, None, None, give_up)).await;
                let done = done.map(|answer| answer.map(drop));
                if let Some(Ok(())) = done {
                    asked.answered();
                }
                book(&agenda, &recorder, &task, (series, true), &done);
                agenda.over(None);
            }
        }
    });
    let began = Instant::now() + Duration::from_millis(300);
    agenda.begin(began);
    let end = async {
        let _ = tokio::time::timeout_at(began + due(count) + give_up, agenda.drained()).await;
        agenda.stop().iter().for_each(|_| recorder.fail(series, "never begun", true));
        agenda.cut();
    };
    tokio::join!(drive(crew), end).0?;
    Ok(Probed { latencies: recorder.whole(series), errors: recorder.errors(series), troubles: answers.silences(began) })
}
