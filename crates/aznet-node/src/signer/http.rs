//! HTTP around the signer: JSON-RPC by POST, `GET /upcheck` for probes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use super::keyring::Keyring;
use crate::console::say;

/// A transaction comes with its blobs, as text: 256 KiB each.
const LARGEST_BODY: usize = 16 << 20;

/// After an error, connections are accepted again this much later …
const PAUSE: Duration = Duration::from_millis(50);
/// … and at most this much after several.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What connections come from.
trait Listener {
    /// The next connection.
    async fn accept(&self) -> io::Result<TcpStream>;
}

impl Listener for TcpListener {
    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(Self::accept(self).await?.0)
    }
}

/// Serves until SIGTERM or SIGINT.
pub(super) fn serve(keyring: Keyring, port: u16) -> io::Result<()> {
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
            () = accept(listener, Arc::new(keyring)) => Ok(()),
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
        }
    })
}

/// Serves connections for ever. An error of accepting one, such as too many open files, is not the end of the others.
async fn accept(listener: impl Listener, keyring: Arc<Keyring>) {
    let mut pause = PAUSE;
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                say(format_args!("could not accept a connection: {error}"));
                let mut over = tokio::time::interval(pause);
                over.tick().await;
                over.tick().await;
                pause = LONGEST_PAUSE.min(pause * 2);
                continue;
            }
        };
        pause = PAUSE;
        let keyring = Arc::clone(&keyring);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&keyring)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                say(format_args!("a connection broke: {error}"));
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    keyring: Arc<Keyring>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = match (request.method(), request.uri().path()) {
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
    };
    Ok(response)
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Fails a few times before it accepts, as a process does that is out of file descriptors.
    struct Failing(TcpListener, AtomicU32);

    impl Listener for Failing {
        async fn accept(&self) -> io::Result<TcpStream> {
            if self.1.fetch_add(1, Ordering::Relaxed) < 3 {
                return Err(io::Error::other("too many open files"));
            }
            Ok(self.0.accept().await?.0)
        }
    }

    #[tokio::test]
    async fn an_error_of_accepting_is_not_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let keyring = Arc::new(Keyring {
            keys: Vec::new(),
            chain_id: 1,
        });
        let asked = async {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            let request = b"GET /upcheck HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await.expect("asks");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("answers");
            answer
        };
        tokio::select! {
            () = accept(Failing(listener, AtomicU32::new(0)), keyring) => panic!("it ended"),
            answer = asked => assert!(answer.starts_with("HTTP/1.1 200"), "{answer}"),
        }
    }
}
