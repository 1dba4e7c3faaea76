//! What a JSON-RPC server should never be sent, and a mutator of what it should.

/// A request over TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// What is wrong with it.
    pub(super) what: String,
    /// All of it, the HTTP header included.
    pub(super) bytes: Vec<u8>,
    /// Whether it is too large: whoever refuses it need not read all of it, and closes the connection on the rest, by which the
    /// answer may be lost.
    pub(super) oversized: bool,
}

/// What a node reads of a request, in bytes.
const TO_READ: usize = 1 << 20;
/// Far more than a request may have, in bytes.
const OVERSIZED: usize = 8 << 20;
/// Far more calls than a request may have.
const MANY: usize = 20_000;
/// Far deeper than anything is nested.
const DEEP: usize = 50_000;
/// How often a request is changed before it is sent.
const CHANGES: usize = 4;

/// Calls that a node answers, or refuses for what they ask.
const SOUND: [&str; 6] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"node_getL2Tips","params":[]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"node_getBlock","params":["latest"]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"node_getBlocks","params":[1,50]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"node_getTxReceipt","params":["0x00a7"]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"node_sendTx","params":["0xa7a7a7a7"]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"p2p_getPeers","params":[true]}"#,
];
/// What is put into them.
const TOKENS: [&str; 10] = [
    "1e999",
    "-1",
    "NaN",
    "null",
    "{}",
    "[[]]",
    "\"__proto__\"",
    "\"\\u0000\"",
    "\"0x\"",
    "99999999999999999999",
];

/// A call that any node answers.
pub(super) fn sound() -> Vec<u8> {
    post(SOUND[0].as_bytes())
}

/// The same in two parts, on a connection that stays open: until the second comes, its server waits.
pub(super) fn in_two_parts() -> (Vec<u8>, Vec<u8>) {
    let mut whole = header(SOUND[0].len(), "keep-alive").into_bytes();
    whole.extend(SOUND[0].as_bytes());
    let rest = whole.split_off(whole.len() - SOUND[0].len() / 2);
    (whole, rest)
}

/// Requests that must be refused.
pub(super) fn malformed() -> Vec<Input> {
    let bodies = bodies();
    let bodies = bodies.iter().map(|(what, body)| {
        let oversized = body.len() > TO_READ;
        (*what, post(body), oversized)
    });
    let header = format!("POST / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(1 << 20));
    let raw = [
        (
            "no HTTP",
            b"\x16\x03\x01\x02\x00 HELLO\r\n\r\n".to_vec(),
            false,
        ),
        ("a header of 1 MiB", header.into_bytes(), true),
    ];
    let input = |(what, bytes, oversized): (&str, Vec<u8>, bool)| Input {
        what: what.to_owned(),
        bytes,
        oversized,
    };
    bodies.chain(raw).map(input).collect()
}

/// Bodies of well-formed HTTP requests.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let call = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":{method},"params":{params}}}"#).into_bytes()
    };
    let blocks = "\"node_getBlocks\"";
    let long = format!("[\"{}\"]", "a".repeat(OVERSIZED));
    let deep = ["[".repeat(DEEP), "]".repeat(DEEP)].concat();
    let many = format!("[{}]", vec![SOUND[0]; MANY].join(","));
    vec![
        ("nothing", Vec::new()),
        ("no JSON", b"\x00\xff\xfe not json".to_vec()),
        ("half a call", SOUND[0].as_bytes()[..30].to_vec()),
        ("a number for a call", b"7".to_vec()),
        (
            "no method",
            br#"{"jsonrpc":"2.0","id":1,"params":[]}"#.to_vec(),
        ),
        ("a method that there is not", call("\"node_nothing\"", "[]")),
        (
            "a method of every object",
            call("\"node_constructor\"", "[]"),
        ),
        ("an object for a method", call("{}", "[]")),
        ("negative numbers", call(blocks, "[-1,-1]")),
        ("too many blocks", call(blocks, "[1,1000000000]")),
        ("arrays in arrays", deep.into_bytes()),
        ("a string of 8 MiB", call(blocks, &long)),
        ("20,000 calls at once", many.into_bytes()),
    ]
}

/// The `n`-th mutant of a run: a sound call with some of it changed.
pub(super) fn mutant(seed: u64, n: u64) -> Input {
    let mut chance = Chance(seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut body = SOUND[chance.below(SOUND.len())].as_bytes().to_vec();
    for _ in 0..=chance.below(CHANGES) {
        change(&mut body, &mut chance);
    }
    Input {
        what: format!("mutant {n} of seed {seed}"),
        bytes: post(&body),
        oversized: false,
    }
}

fn change(body: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(body.len() + 1);
    let end = (at + 1 + chance.below(20)).min(body.len());
    match chance.below(4) {
        0 => {
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        1 => drop(body.drain(at.min(end)..end)),
        2 => {
            let again = body[at.min(end)..end].repeat(1 + chance.below(50));
            body.splice(at..at, again);
        }
        _ => {
            let token = TOKENS[chance.below(TOKENS.len())];
            body.splice(at..at, token.bytes());
        }
    }
}

fn post(body: &[u8]) -> Vec<u8> {
    let header = header(body.len(), "close");
    [header.as_bytes(), body].concat()
}

fn header(length: usize, connection: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: node\r\nConnection: {connection}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 32).unwrap_or_default() % bound.max(1)
    }
}

/// Whether an answer refuses what was sent: an HTTP error, or a JSON-RPC error.
pub(super) fn is_refusal(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    status(&text).is_some_and(|status| status >= 400 || text.contains("\"error\""))
}

/// Whether an answer has what was asked for.
pub(super) fn is_result(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    status(&text) == Some(200) && text.contains("\"result\"") && !text.contains("\"error\"")
}

/// Whether a server gave up waiting for the rest of a request.
pub(super) fn is_timeout(answer: &[u8]) -> bool {
    status(&String::from_utf8_lossy(answer)) == Some(408)
}

/// Whether an answer is all there, by the length that it says it has.
pub(super) fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let header = String::from_utf8_lossy(&answer[..end]);
    let length = header.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    length.is_some_and(|length| answer.len() - end - 4 >= length)
}

/// The HTTP status of an answer.
fn status(answer: &str) -> Option<u16> {
    let rest = answer.strip_prefix("HTTP/1.")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_mutants_and_they_differ() {
        let all: BTreeSet<Vec<u8>> = (0..200).map(|n| mutant(7, n).bytes).collect();
        assert!(all.len() > 150, "{}", all.len());
        assert_eq!(mutant(7, 3), mutant(7, 3));
        assert_ne!(mutant(7, 3).bytes, mutant(8, 3).bytes);
    }

    #[test]
    fn an_answer_refuses_by_its_status_or_by_an_error() {
        assert!(is_refusal(b"HTTP/1.1 413 Payload Too Large\r\n\r\n"));
        assert!(is_refusal(
            b"HTTP/1.1 200 OK\r\n\r\n{\"error\":{\"code\":-32601}}"
        ));
        assert!(!is_refusal(b"HTTP/1.1 200 OK\r\n\r\n{\"result\":{}}"));
        // Whoever says nothing may not even have been reached.
        assert!(!is_refusal(b""));
        assert!(!is_refusal(b"error: dial tcp"));
    }

    #[test]
    fn an_answer_to_a_sound_request_has_a_result() {
        assert!(is_result(b"HTTP/1.1 200 OK\r\n\r\n{\"result\":{}}"));
        assert!(!is_result(b"HTTP/1.1 200 OK\r\n\r\n{\"error\":{}}"));
        assert!(!is_result(
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n{\"result\":{}}"
        ));
        assert!(!is_result(b""));
        assert!(is_timeout(b"HTTP/1.1 408 Request Timeout\r\n\r\n"));
        assert!(!is_timeout(b""));
    }

    #[test]
    fn an_answer_is_whole_when_its_length_is_there() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"result\":{}}";
        assert!(is_whole(answer));
        assert!(!is_whole(&answer[..answer.len() - 1]));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\n{\"result\":{}}"));
    }

    #[test]
    fn two_parts_are_a_sound_request() {
        let (first, rest) = in_two_parts();
        let whole = String::from_utf8([first.clone(), rest.clone()].concat()).expect("text");
        let (header, body) = whole.split_once("\r\n\r\n").expect("a header");
        assert!(header.contains(&format!("Content-Length: {}", body.len())));
        assert_eq!(body, SOUND[0]);
        assert!(!rest.is_empty() && first.ends_with(&body.as_bytes()[..body.len() - rest.len()]));
    }

    #[test]
    fn only_what_is_larger_than_a_node_reads_is_oversized() {
        let all = malformed();
        let oversized = all.iter().filter(|input| input.oversized);
        let oversized: Vec<&str> = oversized.map(|input| input.what.as_str()).collect();
        let expected = [
            "a string of 8 MiB",
            "20,000 calls at once",
            "a header of 1 MiB",
        ];
        assert_eq!(oversized, expected);
    }
}
