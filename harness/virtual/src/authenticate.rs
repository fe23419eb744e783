//! Who really signed a request.

use crate::{VirtualServer, answer::Refusal};
use bytes::Bytes;
use fedproof_core::{
    ServerName,
    xmatrix::{self, AuthorizationError, Signed},
};
use serde_json::Value;

impl VirtualServer {
    /// Checks the `X-Matrix` header of a request to this server; gives its origin.
    pub(crate) async fn authenticate(
        &self,
        request: &http::Request<Bytes>,
        content: Option<&Value>,
    ) -> Result<ServerName, Refusal> {
        let refuse = |error: AuthorizationError| Refusal::new(401, "M_UNAUTHORIZED", error.to_string());
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let (origin, header) = xmatrix::read(header).map_err(refuse)?;
        let keys =
            self.keys_of(&origin).await.map_err(|error| Refusal::new(401, "M_UNAUTHORIZED", error.to_string()))?;
        let signed = Signed {
            method: request.method().as_str(),
            uri: request.uri().path_and_query().map_or("/", |path| path.as_str()),
            origin: origin.as_str(),
            destination: self.name().as_str(),
            content,
        };
        signed.check(&header, &keys).map_err(refuse)?;
        Ok(origin)
    }
}
