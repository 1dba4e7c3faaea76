//! How many connections there may be at a time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A thousand nodes that do not answer are as many open connections; many systems allow 1,024 files by default, and more
/// to who asks.
const ENOUGH: u64 = 4096;

/// Asks for enough of them, as far as this process may have them.
pub(crate) fn allow_enough() {
    let limit = getrlimit(Resource::Nofile);
    let Some(wanted) = raised(&limit) else { return };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

fn raised(limit: &Rlimit) -> Option<Rlimit> {
    let most = limit.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    let low = limit.current.is_some_and(|current| current < most);
    low.then_some(Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be_and_never_lowered() {
        let raised = |current, maximum| {
            let raised = raised(&Rlimit { current, maximum });
            raised.map(|limit| (limit.current, limit.maximum))
        };
        assert_eq!(raised(Some(1024), None), Some((Some(ENOUGH), None)));
        assert_eq!(
            raised(Some(1024), Some(2000)),
            Some((Some(2000), Some(2000)))
        );
        assert_eq!(raised(Some(20_000), Some(20_000)), None);
        assert_eq!(raised(None, None), None);
    }
}
