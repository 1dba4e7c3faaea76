//! The one way into the cluster: a port on the host's loopback, led to the API. The listener was made in the host's
//! network namespace, the connections to the API are made in the cluster's.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;
use tracing::{debug, warn};

use crate::provider::embedded::addresses::API_PORT;
use crate::provider::embedded::error::Error;

/// Leads every connection to the API.
pub(super) async fn serve(listener: TcpListener) -> Result<(), Error> {
    let doing = "listen for the API's clients";
    listener
        .set_nonblocking(true)
        .map_err(Error::kernel(doing))?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::kernel(doing))?;
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(lead(client));
            }
            Err(error) => {
                // Out of file descriptors, most likely: some will be free again soon.
                warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn lead(mut client: TcpStream) {
    let led = async {
        let mut api = TcpStream::connect((Ipv4Addr::LOCALHOST, API_PORT)).await?;
        client.set_nodelay(true)?;
        api.set_nodelay(true)?;
        tokio::io::copy_bidirectional(&mut client, &mut api).await
    };
    if let Err(error) = led.await {
        debug!(%error, "a connection ended");
    }
}
