//! HTTP around the signer: JSON-RPC by POST, `GET /upcheck` for probes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::Desk;
use crate::say::say;

/// A transaction comes with its blobs, as text: 256 KiB each.
const LARGEST_BODY: usize = 16 << 20;

/// Serves until SIGTERM or SIGINT.
pub(super) fn serve(desk: Desk, port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("0.0.0.0", port)).await?;
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        tokio::select! {
            result = accept(listener, Arc::new(desk)) => result,
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
        }
    })
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&desk)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                say(format_args!("a connection broke: {error}"));
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    desk: Arc<Desk>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = match (request.method(), request.uri().path()) {
        (&Method::GET, "/upcheck") => reply(StatusCode::OK, "OK"),
        (&Method::POST, _) => match Limited::new(request.into_body(), LARGEST_BODY)
            .collect()
            .await
        {
            Ok(body) => reply(StatusCode::OK, desk.answer(&body.to_bytes()).to_string()),
            Err(error) => reply(StatusCode::BAD_REQUEST, error.to_string()),
        },
        _ => reply(
            StatusCode::METHOD_NOT_ALLOWED,
            "POST JSON-RPC, or GET /upcheck",
        ),
    };
    Ok(response)
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
