//! `aznet-node serve`: the files of a folder, over HTTP, to everyone. They may come, change and go while it runs.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, StatusCode, Uri};
use thiserror::Error;
use tower_http::services::ServeDir;

use crate::console::say;
use crate::http::{self, Clients, reply};

/// What `/` is.
const INDEX: &str = "/README.md";
/// Long enough for 100 KiB by a slow line.
const CLIENTS: Clients = Clients::Anyone {
    connections: 64,
    lasts: Duration::from_secs(20),
};

/// It does not serve.
#[derive(Debug, Error)]
#[error("can't serve on port {port}")]
pub(crate) struct ServeError {
    port: u16,
    #[source]
    source: io::Error,
}

/// What it serves, and where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The folder
    folder: PathBuf,
    /// Port, on all addresses
    #[arg(long)]
    port: u16,
}

/// Serves until it is told to end.
pub(crate) fn run(options: &Options) -> Result<(), ServeError> {
    let (folder, port) = (options.folder.clone(), options.port);
    say(format_args!("serving {} on port {port}", folder.display()));
    let answer = move |request| answer(request, folder.clone());
    http::serve(port, CLIENTS, answer).map_err(|source| ServeError { port, source })
}

async fn answer(
    mut request: Request<Incoming>,
    folder: PathBuf,
) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
    if request.uri().path() == "/" {
        *request.uri_mut() = Uri::from(PathAndQuery::from_static(INDEX));
    }
    let mut files = ServeDir::new(&folder).append_index_html_on_directories(false);
    match files.try_call(request).await {
        Ok(found) if found.status() != StatusCode::NOT_FOUND => found.map(BodyExt::boxed_unsync),
        Err(error) if !is_missing(&error) => {
            say(format_args!("a file can't be read: {error}"));
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this file can't be read\n",
            )
        }
        Ok(_) | Err(_) => plain(StatusCode::NOT_FOUND, lacking(&folder)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn lacking(folder: &Path) -> &'static str {
    if folder.join(INDEX.trim_start_matches('/')).is_file() {
        "no such file; / has the list\n"
    } else {
        "nothing has been published yet\n"
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
    reply(status, text).map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tokio::net::TcpListener;
    use tokio::task::LocalSet;

    use super::*;
    use crate::http::accept;
    use crate::http::tests::asked;

    /// What is answered to each request, of a folder such as the kubelet makes for a ConfigMap.
    async fn told(requests: &[&str]) -> Vec<String> {
        let place = tempfile::tempdir().expect("a folder");
        let (secret, folder) = (place.path().join("secret"), place.path().join("served"));
        fs::write(secret, "SECRET").expect("written");
        fs::create_dir_all(folder.join("..data")).expect("made");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let all = async {
            let mut answers = vec![asked(address, "GET /").await];
            for (name, text) in [("README.md", "the list"), ("validator.tgz", "packed")] {
                fs::write(folder.join("..data").join(name), text).expect("written");
                symlink(Path::new("..data").join(name), folder.join(name)).expect("linked");
            }
            for request in requests {
                answers.push(asked(address, request).await);
            }
            answers
        };
        let serving = async {
            let folder = folder.clone();
            let serve = move |request| answer(request, folder.clone());
            tokio::select! {
                () = accept(listener, CLIENTS, serve) => panic!("it ended"),
                answers = all => answers,
            }
        };
        LocalSet::new().run_until(serving).await
    }

    #[tokio::test]
    async fn files_are_served_as_soon_as_they_are_there_and_nothing_else_is() {
        let answers = told(&[
            "GET /",
            "GET /validator.tgz",
            "HEAD /validator.tgz",
            "GET /no-such-file",
            "GET /validator.tgz/more",
            "GET /../secret",
            "GET /%2e%2e/secret",
            "GET /..data",
            "POST /validator.tgz",
        ])
        .await;
        let expected = [
            ("404", "nothing has been published yet"),
            ("200", "the list"),
            ("200", "packed"),
            ("200", ""),
            ("404", "no such file"),
            ("404", "no such file"),
            ("404", "no such file"),
            ("404", "no such file"),
            ("404", "no such file"),
            ("405", ""),
        ];
        assert_eq!(answers.len(), expected.len());
        for (answer, (status, text)) in answers.iter().zip(expected) {
            let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
            assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            assert!(body.starts_with(text), "{answer}");
            assert!(!answer.contains("SECRET"), "{answer}");
        }
        assert!(!answers[3].contains("packed"), "a body for HEAD");
    }
}
