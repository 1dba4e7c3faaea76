//! A small HTTP server: what `aznet-node` answers by itself.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::console::say;

/// After an error, connections are accepted again this much later …
const PAUSE: Duration = Duration::from_millis(50);
/// … and at most this much after several.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Who the clients are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clients {
    /// The network's own pods.
    Trusted,
    /// Anyone. They can keep each other waiting, and make the server grow no further than this.
    Anyone {
        /// Connections at a time, each for one request; further ones wait.
        connections: usize,
        /// How long a connection may last, and half as long until it has asked.
        lasts: Duration,
    },
}

impl Clients {
    /// What is kept of what a stranger sends and is sent.
    const BUFFER: usize = 16 << 10;

    const fn connections(self) -> usize {
        match self {
            Self::Trusted => Semaphore::MAX_PERMITS,
            Self::Anyone { connections, .. } => connections,
        }
    }

    const fn lasts(self) -> Duration {
        match self {
            Self::Trusted => Duration::MAX,
            Self::Anyone { lasts, .. } => lasts,
        }
    }

    fn http(self) -> http1::Builder {
        let mut http = http1::Builder::new();
        if let Self::Anyone { lasts, .. } = self {
            http.timer(TokioTimer::new())
                .header_read_timeout(lasts / 2)
                .keep_alive(false)
                .max_buf_size(Self::BUFFER);
        }
        http
    }
}

/// What connections come from.
pub(crate) trait Listener {
    /// The next connection.
    async fn accept(&self) -> io::Result<TcpStream>;
}

impl Listener for TcpListener {
    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(Self::accept(self).await?.0)
    }
}

/// Serves on all addresses until SIGTERM or SIGINT.
pub(crate) fn serve<F, R, B>(port: u16, clients: Clients, answer: F) -> io::Result<()>
where
    F: Fn(Request<Incoming>) -> R + Clone + 'static,
    R: Future<Output = Response<B>> + 'static,
    B: Body<Error: std::error::Error + Send + Sync> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = listen(port).await?;
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        tokio::select! {
            () = accept(listener, clients, answer) => Ok(()),
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
        }
    })
}

/// IPv4 and IPv6, where there is both.
async fn listen(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}

/// Serves connections for ever. An error of accepting one, such as too many open files, is not the end of the others.
pub(crate) async fn accept<F, R, B>(listener: impl Listener, clients: Clients, answer: F)
where
    F: Fn(Request<Incoming>) -> R + Clone + 'static,
    R: Future<Output = Response<B>> + 'static,
    B: Body<Error: std::error::Error + Send + Sync> + 'static,
{
    let mut pause = PAUSE;
    let places = Arc::new(Semaphore::new(clients.connections()));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
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
        let answer = answer.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| {
                let answered = answer(request);
                async { Ok::<_, Infallible>(answered.await) }
            });
            let http = clients.http();
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let ended = timeout(clients.lasts(), connection).await;
            // What becomes of a stranger's is no event.
            if let (Ok(Err(error)), Clients::Trusted) = (ended, clients) {
                say(format_args!("a connection broke: {error}"));
            }
            drop(place);
        });
    }
}

/// A short answer.
pub(crate) fn reply(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::LocalSet;

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

    /// What a server says to a request.
    pub(crate) async fn asked(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let request = format!("{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("asks");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("answers");
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn fine(_: Request<Incoming>) -> Response<Full<Bytes>> {
        reply(StatusCode::OK, "fine")
    }

    #[tokio::test]
    async fn an_error_of_accepting_is_not_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let serving = async {
            tokio::select! {
                () = accept(Failing(listener, AtomicU32::new(0)), Clients::Trusted, fine) => panic!("it ended"),
                answer = asked(address, "GET /") => answer,
            }
        };
        let answer = LocalSet::new().run_until(serving).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_gives_its_place_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let anyone = Clients::Anyone {
            connections: 1,
            lasts: Duration::from_millis(50),
        };
        let serving = async {
            let silent = TcpStream::connect(address).await.expect("connects");
            let answer = tokio::select! {
                () = accept(listener, anyone, fine) => panic!("it ended"),
                answer = asked(address, "GET /") => answer,
            };
            drop(silent);
            answer
        };
        let answer = LocalSet::new().run_until(serving).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
