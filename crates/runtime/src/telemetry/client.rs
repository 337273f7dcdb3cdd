//! The HTTP client that telemetry is sent with: ureq, which blocks its own thread and needs no runtime. Knows nothing of what is sent.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// Bytes of an answer that are read: what a collector has to say is short.
const ANSWER_MAX: u64 = 64 * 1024;

/// The client. Certificates are checked against the machine's own, a proxy is taken from the usual variables.
#[derive(Debug)]
pub(super) struct Client(Agent);

impl Client {
    /// One request takes no longer than this.
    pub(super) fn new(timeout: Duration) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        // What is no success is an answer too, which the exporter judges.
        let config = Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).max_redirects(0).tls_config(tls);
        Self(Agent::new_with_config(config.build()))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(parts, body.to_vec()))?;
        let (parts, mut body) = answer.into_parts();
        let bytes = body.with_config().limit(ANSWER_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, Bytes::from(bytes)))
    }
}
