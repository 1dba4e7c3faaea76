//! A server of releases on the loopback that can misbehave.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use aznet_cluster::parts::toolchain::Group;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

/// How a release is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As it is.
    Whole,
    /// The connection ends in the middle.
    BreaksOff,
    /// Half of it comes, then nothing more.
    Stalls,
    /// With an error.
    Refuses,
}

#[derive(Default)]
struct Shelf {
    releases: HashMap<String, Vec<u8>>,
    ways: HashMap<String, Way>,
    requests: usize,
    stalled: Arc<Notify>,
    /// Connections that stall are held, not closed.
    held: Vec<TcpStream>,
}

/// The server; it ends with the test.
pub(crate) struct Server {
    port: u16,
    shelf: Arc<Mutex<Shelf>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shelf = Arc::<Mutex<Shelf>>::default();
        let ours = Arc::clone(&shelf);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is what some tests are about.
                let _gone = answer(stream, &ours);
            }
        });
        Self { port, shelf }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Serves a release and returns its checksum.
    pub(crate) fn serve(&self, name: &str, content: &[u8]) -> String {
        self.replace(name, content);
        let digest = Sha256::digest(content);
        let mut digits = String::new();
        for byte in digest {
            write!(digits, "{byte:02x}").unwrap();
        }
        format!("sha256:{digits}")
    }

    pub(crate) fn replace(&self, name: &str, content: &[u8]) {
        self.shelf()
            .releases
            .insert(name.to_owned(), content.to_vec());
    }

    pub(crate) fn behave(&self, name: &str, way: Way) {
        self.shelf().ways.insert(name.to_owned(), way);
    }

    pub(crate) fn requests(&self) -> usize {
        self.shelf().requests
    }

    /// Waits until a client has got half of a release.
    pub(crate) async fn stalled(&self) {
        let stalled = Arc::clone(&self.shelf().stalled);
        tokio::time::timeout(Duration::from_secs(20), stalled.notified())
            .await
            .unwrap();
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }
}

fn answer(mut stream: TcpStream, shelf: &Mutex<Shelf>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    while lines
        .next()
        .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
    {}
    let mut shelf = shelf.lock().unwrap();
    shelf.requests += 1;
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let name = path.rsplit('/').next().unwrap_or("");
    let way = shelf.ways.get(name).copied().unwrap_or(Way::Whole);
    let Some(content) = shelf.releases.get(name).filter(|_| way != Way::Refuses) else {
        let text =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        return stream.write_all(text.as_bytes());
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        content.len()
    );
    stream.write_all(head.as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    let half = &content[..content.len() / 2];
    stream.write_all(if way == Way::Whole { content } else { half })?;
    match way {
        Way::Stalls => {
            shelf.stalled.notify_one();
            shelf.held.push(stream);
            Ok(())
        }
        _ => stream.shutdown(Shutdown::Write),
    }
}

/// A release of a group: programs that print their names.
pub(crate) fn archive(group: Group) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for program in group.programs() {
        let text = format!("#!/bin/sh\necho {}\n", program.name());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o755);
        let path = format!("bin/{}", program.name());
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}
