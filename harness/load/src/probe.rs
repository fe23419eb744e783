//! The generator against one URL: what it costs itself, and whether it omits what a stalled server should have done.
//!
//! Everything is as in a load, goose's workers and arrivals from their intended start, except that there is no
//! homeserver: for tests and benches.

use crate::{
    agenda::{Agenda, Task},
    drive::{Crew, drive},
    http::ask,
    operation::Operation,
    recorder::Recorder,
    schedule::Arrival,
    series::Series,
};
use hdrhistogram::Histogram;
use reqwest::Method;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Asks `url` `count` times, evenly at `rate` a second, by at most `workers` at once. Gives the latencies, in
/// microseconds, and how many requests failed.
///
/// # Errors
/// When goose does not begin.
pub async fn probe(
    url: &str,
    rate: f64,
    count: u64,
    workers: usize,
) -> Result<(Histogram<u64>, u64), goose::GooseError> {
    let series = Series::Of(Operation::Login);
    let arrivals = (0..count).map(|number| Arrival {
        number,
        due: Duration::from_secs_f64(number as f64 / rate),
        phase: 0,
        operation: Operation::Login,
    });
    let agenda = Arc::new(Agenda::new(arrivals.collect(), Vec::new()));
    let recorder = Arc::new(Recorder::default());
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap_or_default();
    let crew = Crew::workers(&agenda, workers, {
        let (agenda, recorder, url) = (agenda.clone(), recorder.clone(), Arc::<str>::from(url));
        move |task: Task| {
            let (agenda, recorder, url, http) = (agenda.clone(), recorder.clone(), url.clone(), http.clone());
            async move {
                match ask(&http, Method::GET, &url, None, None).await {
                    Ok(_) => recorder.record(series, (agenda.began() + task.due()).elapsed(), true),
                    Err(reason) => recorder.fail(series, &reason, true),
                }
                agenda.over(None);
            }
        }
    });
    agenda.begin(Instant::now() + Duration::from_millis(300));
    drive(crew).await?;
    Ok((recorder.whole(series), recorder.errors(series)))
}
