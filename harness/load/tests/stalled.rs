//! No coordinated omission: what waits behind a stalled server is as late as it was, and is told so.

use fedproof_load::probe;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
};

/// An HTTP server that answers one request at a time, after `takes`, and once stalls before its `stalls.0`th answer.
async fn stub(takes: Duration, stalls: Option<(u64, Duration)>) -> String {
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
                    drop(count);
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.is_err() {
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
    let (latencies, errors) = probe(&url, 100.0, 400, 4).await.expect("goose begins");
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
    let (latencies, errors) = probe(&url, 100.0, 200, 8).await.expect("goose begins");
    assert_eq!((latencies.len(), errors), (200, 0));
    assert!(latencies.max() >= 1_900_000, "the backlog at the end is 2 s of work: {}", latencies.max());
    let (early, late) = (latencies.value_at_quantile(0.25), latencies.value_at_quantile(0.75));
    assert!(late >= 2 * early, "latency grows: {early} then {late}");
}
