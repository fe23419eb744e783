//! Taking connections on a loopback port until it is closed.

use crate::{answer::AnswerBody, serve::Broken};
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{error::Error, fmt::Display};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tracing::debug;

/// Why a connection ended.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Becomes true, or loses its sender, when what it belongs to closes.
#[derive(Clone)]
pub(crate) struct Closed(watch::Receiver<bool>);

impl Closed {
    pub(crate) fn new(closed: &watch::Sender<bool>) -> Self {
        Self(closed.subscribe())
    }

    pub(crate) async fn wait(mut self) {
        // An error says that the sender is gone, which is closed as well.
        let _ = self.0.wait_for(|&closed| closed).await;
    }
}

/// Takes connections until `closed`, which ends them, too. `whose` is for the log.
pub(crate) async fn listen<S, F>(listener: TcpListener, closed: Closed, whose: impl Display, serve: S)
where
    S: Fn(TcpStream) -> F,
    F: Future<Output = Result<(), BoxError>> + Send + 'static,
{
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (closed, whose, served) = (closed.clone(), whose.to_string(), serve(stream));
                    tokio::spawn(async move {
                        tokio::select! {
                            () = closed.wait() => {}
                            result = served => {
                                if let Err(error) = result {
                                    debug!(whose, %error, "a connection ended");
                                }
                            }
                        }
                    });
                }
                // Such as a connection that was reset before it was taken, or too many open files.
                Err(error) => {
                    debug!(%whose, %error, "no connection taken");
                    tokio::task::yield_now().await;
                }
            }
        }
    };
    tokio::select! { () = closed.clone().wait() => {} () = accept => {} }
}

/// Answers what comes on a connection, for as long as the other side keeps it.
pub(crate) async fn answer_all<S, F>(stream: TcpStream, answer: S) -> Result<(), BoxError>
where
    S: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<AnswerBody>, Broken>>,
{
    stream.set_nodelay(true)?;
    let mut http = http1::Builder::new();
    http.header_read_timeout(None);
    Ok(http.serve_connection(TokioIo::new(stream), service_fn(answer)).await?)
}
