//! The command that runs one test of a run again.

use aznet_runner::TestId;
use aznet_scenarios::generate::{GENERATED, REGRESSION};

use super::args::TestArgs;
use crate::args::Place;
use crate::bundles::Again;

/// Where a run's tests are.
fn place(args: &TestArgs) -> String {
    let place = Place {
        cluster: args.cluster.cluster.clone(),
        namespace: args.namespace.namespace.clone(),
    };
    place.flags()
}

/// The network that they run on, if it is one; `attached` is called so.
fn network(args: &TestArgs, attached: Option<&str>) -> String {
    match (&args.network, attached) {
        (Some(made_from), _) => format!(" --network {made_from}"),
        (None, Some(name)) if args.disruptive => format!(" --attach {name} --disruptive"),
        (None, Some(name)) => format!(" --attach {name}"),
        (None, None) => String::new(),
    }
}

/// Of tests on one network, which is called so.
pub(super) fn on(args: &TestArgs, name: &str) -> Again {
    let flags = network(args, Some(name)) + &place(args);
    Box::new(move |test, seed| {
        let name = &test.name;
        format!("aznet test -E 'test(={name})'{flags} --seed {seed}")
    })
}

/// Of tests that have networks made for them, and of cells.
pub(super) fn anywhere(args: &TestArgs) -> Again {
    let (network, place) = (network(args, args.attach.as_deref()), place(args));
    let one_network = !network.is_empty();
    Box::new(move |TestId { network: of, name }, seed| {
        match name.split_once('@').map_or("", |(_, condition)| condition) {
            GENERATED => {
                let seed = of.trim_start_matches("seed-");
                format!("aznet test --generate --seed {seed}{place}")
            }
            REGRESSION => format!("aznet test {of}::{place}"),
            condition => {
                let topology = if one_network {
                    network.clone()
                } else {
                    format!(" --topology {of}")
                };
                format!(
                    "aznet test --matrix{topology} --condition {condition}{place} --seed {seed}"
                )
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parsed(command: &str) -> TestArgs {
        let words = shlex::split(command).expect("words");
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));
        match cli.command {
            Command::Test(args) => args,
            other => panic!("{command}: {other:?}"),
        }
    }

    fn id(network: &str, name: &str) -> TestId {
        TestId {
            network: network.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_test_of_one_network_is_run_again_alone_and_as_it_was() {
        let args = parsed("aznet test attack --attach small --disruptive --cluster embedded:a");
        let command = on(&args, "small")(&id("small", "attack-coalition"), 7);
        let again = parsed(&command);
        assert_eq!(again.expressions, ["test(=attack-coalition)"]);
        assert!(again.disruptive && again.attach.as_deref() == Some("small"));
        assert_eq!(
            (again.seed, again.cluster.cluster),
            (Some(7), args.cluster.cluster)
        );
        let args = parsed("aznet test --network guarded");
        let again = parsed(&on(&args, "guarded")(&id("guarded", "chain"), 1));
        assert_eq!(again.network.as_deref(), Some("guarded"));
    }

    #[test]
    fn cells_and_drawn_scenarios_are_run_again_by_what_made_them() {
        let args = parsed("aznet test --matrix");
        let again = anywhere(&args);
        let cell = parsed(&again(&id("one", "transfer@calm"), 3));
        assert!(cell.matrix.wanted);
        assert_eq!(cell.matrix.topologies, ["one"]);
        assert_eq!(cell.matrix.conditions, ["calm"]);
        let drawn = parsed(&again(&id("seed-9", "transfer@generated"), 3));
        assert!(drawn.generate.wanted && drawn.seed == Some(9));
        let kept = parsed(&again(&id("seed-9-2", "transfer@regression"), 3));
        assert_eq!(kept.filters, ["seed-9-2::"]);
        let attached = parsed("aznet test --matrix --attach mine --disruptive");
        let cell = parsed(&anywhere(&attached)(&id("mine", "transfer@no-quorum"), 3));
        assert!(cell.disruptive && cell.matrix.topologies.is_empty());
    }
}
