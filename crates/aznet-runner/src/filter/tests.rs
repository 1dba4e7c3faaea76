use proptest::prelude::*;

use super::{
    expr::{Matcher, Set},
    *,
};
use crate::test::Class;

fn tests() -> Vec<Test> {
    let test = |network: &str, name: &str| Test::new(network, name, "", |_| async { Ok(()) });
    vec![
        test("small", "transfer").tags(["tokens", "smoke"]),
        test("small", "validator-kill")
            .tags(["slow"])
            .class(Class::Disrupt),
        test("staging", "transfer").tags(["tokens", "slow"]),
    ]
}

fn selected(filter: &str) -> Vec<String> {
    let filter: Filter = filter.parse().unwrap_or_else(|error| panic!("{error}"));
    let tests = tests();
    let selected = tests.iter().filter(|test| filter.selects(test));
    selected.map(|test| test.id.to_string()).collect()
}

#[test]
fn sets_and_operators_select() {
    let all = [
        "small::transfer",
        "small::validator-kill",
        "staging::transfer",
    ];
    assert_eq!(selected("all()"), all);
    assert_eq!(selected("none()"), [""; 0]);
    assert_eq!(
        selected("test(transfer) & topology(small) & !tag(slow)"),
        all[..1]
    );
    assert_eq!(selected("class(disrupt) or topology(staging)"), all[1..]);
    assert_eq!(selected("all() - tag(slow)"), all[..1]);
    assert_eq!(selected("all() minus tag(slow) minus tag(smoke)"), [""; 0]);
    assert_eq!(
        selected("not (tag(slow) and topology(small))"),
        [all[0], all[2]]
    );
    // `&` and `-` hold together before `|` does.
    assert_eq!(
        selected("topology(staging) | topology(small) & tag(slow)"),
        all[1..]
    );
    assert_eq!(selected("!tag(slow) + none()"), all[..1]);
}

#[test]
fn matchers_are_parts_wholes_patterns_and_globs() {
    let transfers = ["small::transfer", "staging::transfer"];
    assert_eq!(selected("test(ransf)"), transfers);
    assert_eq!(selected("test( ransf )"), transfers);
    assert_eq!(selected("test(=ransf)"), [""; 0]);
    assert_eq!(selected("test(=transfer)"), transfers);
    assert_eq!(selected("test(/^tr.*r$/)"), transfers);
    assert_eq!(selected("topology(#s*g) & test(~transfer)"), transfers[1..]);
    assert_eq!(selected("tag(/a\\/b|smoke/)"), transfers[..1]);
}

fn problem(text: &str) -> String {
    text.parse::<Filter>().unwrap_err().to_string()
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let texts = [
        "",
        "test(a",
        "test(a) test(b)",
        "test(a) &",
        "tst(a)",
        "test",
        "test()",
        "(test(a) | tag(b)",
        "test(a))",
        "!",
        "test(/(/)",
        "test(/a)",
        "test(#[)",
        "tag(a\\q)",
        "tag(\\u{d800})",
        "„test(a)",
        "all(x)",
    ];
    let shown: Vec<String> = texts.iter().map(|text| problem(text)).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn a_matcher_that_fits_nothing_names_the_nearest() {
    let unmatched = |text: &str| {
        let filter: Filter = text.parse().unwrap();
        filter.check(&tests()).unwrap_err()
    };
    let error = unmatched("topology(small) & !tag(slwo)");
    assert_eq!(error.nearest(), Some("slow"));
    assert_eq!(
        error.to_string(),
        "invalid expression: `tag(slwo)` fits no tag; there are `slow`, `smoke`, `tokens`\n\
         topology(small) & !tag(slwo)\n                   ^^^^^^^^^"
    );
    assert_eq!(unmatched("test(tranfser)").nearest(), Some("transfer"));
    assert_eq!(unmatched("topology(=stagin)").nearest(), Some("staging"));
    assert_eq!(unmatched("class(observer)").nearest(), Some("observe"));
    assert_eq!(unmatched("test(/^x/)").nearest(), None);
    // There is no such test now, but there could be.
    "class(own)"
        .parse::<Filter>()
        .unwrap()
        .check(&tests())
        .unwrap();
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    assert!(problem(&"(".repeat(5_000)).contains(": more than 50 "));
    assert!(problem(&"!".repeat(5_000)).contains(": more than 50 "));
    assert!(problem(&"all()|".repeat(5_000)).contains(": longer than "));
}

fn matchers() -> impl Strategy<Value = Matcher> {
    let regex = prop_oneof![
        Just("a/b"),
        Just(r"\\/"),
        Just(r"^x\.y[/)]$"),
        Just("("),
        Just(" ")
    ];
    let regex = regex.prop_filter_map("a pattern", |text| regex::Regex::new(text).ok());
    let glob = prop_oneof![Just("*"), Just("a?[b-c]"), Just(r"\*)"), Just(" {a,b} ")];
    let glob = glob.prop_filter_map("a glob", |text| glob::Pattern::new(text).ok());
    prop_oneof![
        "\\PC+".prop_map(Matcher::Contains),
        "[ =~/#()\\\\a\\n\\t\u{a0}]{1,6}".prop_map(Matcher::Contains),
        "[ =~/#()\\\\a\\n\\t\u{a0}]{1,6}".prop_map(Matcher::Equal),
        regex.prop_map(Matcher::Regex),
        glob.prop_map(Matcher::Glob),
    ]
}

fn exprs() -> impl Strategy<Value = Expr> {
    let set = proptest::sample::select(&Set::ALL[..]);
    let leaf = (set, matchers()).prop_map(|(set, matcher)| {
        let span = 0..0;
        Expr::Match(Leaf { set, matcher, span })
    });
    let leaf = prop_oneof![Just(Expr::All), Just(Expr::None), leaf];
    leaf.prop_recursive(6, 40, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        let boxed = two.prop_map(|(a, b)| (Box::new(a), Box::new(b)));
        prop_oneof![
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
            boxed.clone().prop_map(|(a, b)| Expr::And(a, b)),
            boxed.clone().prop_map(|(a, b)| Expr::Minus(a, b)),
            boxed.prop_map(|(a, b)| Expr::Or(a, b)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_the_same_expression(expr in exprs()) {
        let printed = expr.to_string();
        let read = parse::parse(&printed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read, expr, "{}", printed);
    }

    #[test]
    fn no_text_is_too_odd(text in "[a-z()&|!=~/#\\\\{}u \u{e4}-]{0,40}") {
        if let Err(error) = text.parse::<Filter>() {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
