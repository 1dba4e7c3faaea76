//! The clock of a process that serves HTTP, by the `Date` of its answers (RFC 9110, section 6.6.1): whoever starts anew, as this
//! program does, sees the machine's clock.

use std::time::{Duration, SystemTime};

use aznet_kit::error::chain;
use aznet_model::probe::Clock;

use super::error::ProbeError;

/// A busy node takes seconds to answer.
const WITHIN: Duration = Duration::from_secs(5);

/// Asks at one port after the other.
pub(super) fn of(ports: &[u16]) -> Result<Clock, ProbeError> {
    let mut said = Vec::new();
    for port in ports {
        match at(*port) {
            Ok(clock) => return Ok(clock),
            Err(reason) => said.push(format!("port {port}: {reason}")),
        }
    }
    Err(ProbeError::NoClock { said })
}

fn at(port: u16) -> Result<Clock, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(WITHIN))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let answer = agent.get(format!("http://127.0.0.1:{port}/")).call();
    let answer = answer.map_err(|error| chain(&error))?;
    let date = answer
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok());
    let date = date.ok_or("its answer has no date")?;
    let told = httpdate::parse_http_date(date).map_err(|error| format!("{date}: {error}"))?;
    Ok(between(told, SystemTime::now()))
}

/// What is told is cut to seconds: half a second is its mean.
fn between(told: SystemTime, now: SystemTime) -> Clock {
    let told = told + Duration::from_millis(500);
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Clock {
        offset_millis: match told.duration_since(now) {
            Ok(ahead) => millis(ahead),
            Err(behind) => -millis(behind.duration()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with this date.
    fn server(date: &str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let answer = format!("HTTP/1.1 404 Not Found\r\n{date}content-length: 0\r\n\r\n");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer.as_bytes()).expect("it listens");
        });
        port
    }

    #[test]
    fn a_clock_is_off_by_what_its_answers_say() {
        let now = SystemTime::now();
        let past = httpdate::fmt_http_date(now - Duration::from_mins(10));
        let ports = [server(""), server(&format!("date: {past}\r\n"))];
        let offset = of(&ports).expect("the second tells").offset_millis;
        assert!((-601_500..=-598_500).contains(&offset), "{offset}");
        assert!(between(now + Duration::from_secs(90), now).offset_millis > 89_000);
    }

    #[test]
    fn who_tells_no_date_is_named() {
        let port = server("");
        let error = of(&[port]).expect_err("nobody tells").to_string();
        assert!(
            error.contains(&format!("port {port}: its answer has no date")),
            "{error}"
        );
    }
}
