//! `supervisor supervise NAME`: what the tests of the embedded cluster start in place of `aznet cluster supervise NAME`.

use std::error::Error;
use std::io::stderr;

use aznet_cluster::paths::Paths;
use aznet_cluster::provider::embedded;

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [verb, name] if verb == "supervise" => Ok(embedded::supervise(&Paths::from_env()?, name)?),
        _ => Err("usage: supervisor supervise NAME".into()),
    }
}
