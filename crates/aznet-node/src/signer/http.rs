//! HTTP around the signer: JSON-RPC by POST, `GET /upcheck` for probes.

use std::io;
use std::rc::Rc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};

use super::keyring::Keyring;
use crate::http::{self, Clients, reply};

/// A transaction comes with its blobs, as text: 256 KiB each.
const LARGEST_BODY: usize = 16 << 20;

/// Serves until SIGTERM or SIGINT.
pub(super) fn serve(keyring: Keyring, port: u16) -> io::Result<()> {
    let keyring = Rc::new(keyring);
    http::serve(port, Clients::Trusted, move |request| {
        answer(request, Rc::clone(&keyring))
    })
}

async fn answer(request: Request<Incoming>, keyring: Rc<Keyring>) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/upcheck") => reply(StatusCode::OK, "OK"),
        (&Method::POST, _) => match Limited::new(request.into_body(), LARGEST_BODY)
            .collect()
            .await
        {
            Ok(body) => reply(StatusCode::OK, keyring.answer(&body.to_bytes()).to_string()),
            Err(error) => reply(StatusCode::BAD_REQUEST, error.to_string()),
        },
        _ => reply(
            StatusCode::METHOD_NOT_ALLOWED,
            "POST JSON-RPC, or GET /upcheck",
        ),
    }
}
