//! No coordinated omission: what waits behind a stalled server is as late as it was, and is told so.

use fedproof_load::{Probe, Probed, probe};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
};

/// Longer than anything takes here.
const PATIENT: Duration = Duration::from_secs(60);

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// An HTTP server that answers one request at a time, after `takes`, and once stalls before its `stalls.0`th answer.
async fn stub(takes: Duration, stalls: Option<(u64, Duration)>) -> String {
    answering(takes, stalls, |_| OK).await
}

/// The same with another answer to the request of that number, from 1.
async fn answering(takes: Duration, stalls: Option<(u64, Duration)>, answer: fn(u64) -> &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let turn = std::sync::Arc::new(Mutex::new(0u64));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let turn = turn.clone();
            tokio::spawn(async move {
                let mut buffer = [0u8; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let mut count = turn.lock().await;
                    *count += 1;
                    let stall = stalls.filter(|(at, _)| at == &*count).map_or(Duration::ZERO, |(_, stall)| stall);
                    tokio::time::sleep(takes + stall).await;
                    let answer = answer(*count);
                    drop(count);
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_of_two_seconds_is_seen_by_all_that_were_due_in_it() {
    // 100 a second for 4 seconds; after the 50th answer the server stands still for 2 seconds.
    let url = stub(Duration::ZERO, Some((50, Duration::from_secs(2)))).await;
    let asked = Probe { url: &url, rate: 100.0, count: 400, workers: 4, give_up: PATIENT };
    let Probed { latencies, errors, .. } = probe(asked).await.expect("goose begins");
    assert_eq!((latencies.len(), errors), (400, 0), "whatever was due was done");
    // Only 4 requests were in flight when it stalled: who counts from the request's start sees 4 slow ones.
    let slow = |micros: u64| latencies.len() - latencies.count_between(0, micros);
    assert!(slow(1_000_000) >= 90, "half of the 200 that were due in it waited over a second: {}", slow(1_000_000));
    assert!(latencies.max() >= 1_990_000, "the first of them waited it out: {}", latencies.max());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_twice_what_the_server_can_take_latency_grows_with_the_backlog() {
    // It can take 1000 / 20 = 50 a second at most, and gets 100 for 2 seconds: the last waits for 100 others.
    let url = stub(Duration::from_millis(20), None).await;
    let asked = Probe { url: &url, rate: 100.0, count: 200, workers: 8, give_up: PATIENT };
    let Probed { latencies, errors, .. } = probe(asked).await.expect("goose begins");
    assert_eq!((latencies.len(), errors), (200, 0));
    assert!(latencies.max() >= 1_900_000, "the backlog at the end is 2 s of work: {}", latencies.max());
    let (early, late) = (latencies.value_at_quantile(0.25), latencies.value_at_quantile(0.75));
    assert!(late >= 2 * early, "latency grows: {early} then {late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_does_not_hang_the_load_and_all_that_was_due_is_told() {
    // Never again after the 50th answer.
    let url = stub(Duration::ZERO, Some((51, Duration::from_secs(3600)))).await;
    let asked = Probe { url: &url, rate: 100.0, count: 200, workers: 4, give_up: Duration::from_secs(6) };
    let Probed { latencies, errors, troubles } = probe(asked).await.expect("goose begins");
    assert_eq!((latencies.len(), errors), (50, 150), "what was given up, cut off or never begun is an error");
    let [silence] = &troubles[..] else { panic!("one silence: {troubles:?}") };
    assert!(silence.from.is_some_and(|from| from < 2.0) && silence.to.is_none(), "since when: {silence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_an_error_for_each_that_was_due() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", gone.local_addr().expect("an address"));
    drop(gone);
    let asked = Probe { url: &url, rate: 100.0, count: 50, workers: 4, give_up: PATIENT };
    let Probed { latencies, errors, .. } = probe(asked).await.expect("goose begins");
    assert_eq!((latencies.len(), errors), (0, 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_everything_answers_and_each_refusal_is_an_error() {
    let broken = |number| if number <= 20 { OK } else { "HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\n{}" };
    let url = answering(Duration::ZERO, None, broken).await;
    let asked = Probe { url: &url, rate: 100.0, count: 50, workers: 4, give_up: PATIENT };
    let Probed { latencies, errors, troubles } = probe(asked).await.expect("goose begins");
    assert_eq!((latencies.len(), errors, troubles), (20, 30, vec![]));
}
