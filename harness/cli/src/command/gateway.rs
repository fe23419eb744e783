//! `fedproof gateway`: the gateway as a service of its own, for deployments that fedproof has not started.

use crate::{
    args::{Format, Gateway as Args},
    error::CliError,
    interrupt, stdout,
};
use fedproof_core::transcript::Exchange;
use fedproof_deployment::Routes;
use fedproof_gateway::Gateway;
use fedproof_results::{bounded, exit};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use tokio::sync::mpsc;

/// Stands between the servers of a routes file until Ctrl-C or SIGTERM.
pub(crate) async fn gateway(args: Args) -> Result<u8, CliError> {
    let routes = Routes::read(&args.routes)?;
    let interrupted = interrupt::watch();
    let gateway = Gateway::with_authority_in(&args.ca).map_err(failed)?;
    if let Some(path) = &args.certificate {
        publish(path, gateway.ca_pem()).map_err(|error| unwritable(path, &error))?;
    }
    // A service has no end at which its exchanges would be judged: they are written as they end, or forgotten.
    gateway.transcript().keep_at_most(0);
    let mut trouble = match &args.transcript {
        Some(path) => write_exchanges(&gateway, path)?,
        None => mpsc::unbounded_channel().1,
    };
    let servers = open(&gateway, &routes, args.bind).await.map_err(failed)?;
    announce(&gateway, &args, servers);
    let ended = tokio::select! {
        () = interrupt::signalled(&interrupted) => Ok(exit::QUALIFIED),
        Some(error) = trouble.recv() => Err(CliError::environment(error)),
    };
    gateway.close();
    ended
}

/// Stands between the servers of a routes file, with their proxy ports at `bind`. Gives who is reached where, or in words
/// what could not be opened.
pub(super) async fn open(gateway: &Gateway, routes: &Routes, bind: IpAddr) -> Result<Vec<Value>, String> {
    let mut servers = Vec::new();
    for (name, route) in &routes.servers {
        let name = name.server();
        gateway.route_real(name.clone(), route.base_url.authority());
        let at = SocketAddr::new(bind, route.proxy_port);
        let opened = gateway.open_proxy_at(name.clone(), at).await;
        let proxy = opened.map_err(|error| format!("{error} ({at}, the proxy of {name})"))?;
        servers.push(json!({
            "server_name": name.as_str(),
            "proxy": format!("http://{proxy}"),
            "base_url": route.base_url.to_string(),
        }));
    }
    Ok(servers)
}

/// Says that it is ready, and where: what is on stdout is all there is to wait for.
fn announce(gateway: &Gateway, args: &Args, servers: Vec<Value>) {
    let certificate = args.certificate.clone().unwrap_or_else(|| args.ca.join("ca.crt"));
    let digest: String = Sha256::digest(gateway.ca_der()).iter().map(|byte| format!("{byte:02x}")).collect();
    match args.format {
        Format::Json => {
            let ca = json!({"certificate": certificate, "sha256": digest});
            stdout::print(&json!({"ready": true, "ca": ca, "servers": servers}).to_string());
        }
        Format::Text => {
            for server in servers {
                let text = |key: &str| server[key].as_str().unwrap_or_default().to_owned();
                let (name, proxy, base_url) = (text("server_name"), text("proxy"), text("base_url"));
                stdout::print(&format!("{name}  https_proxy {proxy}  homeserver {base_url}"));
            }
            stdout::print(&format!("authority: {}, SHA-256 {digest}", certificate.display()));
            stdout::print("the gateway is ready");
        }
    }
}

/// Has every exchange written to the end of `path`, one a line; tells the first thing that goes wrong.
fn write_exchanges(gateway: &Gateway, path: &Path) -> Result<mpsc::UnboundedReceiver<String>, CliError> {
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| unwritable(path, &error))?;
    let (exchanges, mut arriving) = mpsc::unbounded_channel::<Exchange>();
    let (trouble, told) = mpsc::unbounded_channel();
    gateway.transcript().tap(move |exchange| {
        // Without a writer the service is about to end.
        let _ended = exchanges.send(bounded(exchange));
    });
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut id = 0;
        while let Some(mut exchange) = arriving.blocking_recv() {
            exchange.id = id;
            id += 1;
            if let Err(error) = write_line(&mut file, &exchange) {
                let _ended = trouble.send(format!("failed to write {}: {error}", path.display()));
                return;
            }
        }
    });
    Ok(told)
}

fn write_line(file: &mut File, exchange: &Exchange) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(exchange)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Writes the certificate, whole or not at all, for everybody to read.
fn publish(path: &Path, pem: &str) -> std::io::Result<()> {
    let partial = path.with_added_extension("partial");
    std::fs::write(&partial, pem)?;
    std::fs::rename(partial, path)
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::environment(format!("failed to {error}"))
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    failed(format!("write {}: {error}", path.display()))
}
