//! What is put in the place of variables, in queries and in names of series.

use std::collections::BTreeMap;

/// A series whose labels give it no name.
const NAMELESS: &str = "Value";

/// Puts values in the place of `$name`, `${name}` and `${name:format}`. A `$` of a regular expression stays.
///
/// # Errors
/// Names the variable that has no value.
pub(super) fn substitute(text: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        made += before;
        let Some((name, after)) = named(after) else {
            made.push('$');
            rest = after;
            continue;
        };
        made += values
            .get(name)
            .ok_or_else(|| format!("the variable `${name}` has no value"))?;
        rest = after;
    }
    Ok(made + rest)
}

/// The name that follows a `$`, and what follows the name.
fn named(after: &str) -> Option<(&str, &str)> {
    if let Some(braced) = after.strip_prefix('{') {
        let (inside, after) = braced.split_once('}')?;
        let name = inside.split(':').next().unwrap_or_default();
        return Some((name, after));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
    let (name, after) = after.split_at(end);
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(begins).then_some((name, after))
}

/// The name of a series: `{{label}}` is that label's value, nothing where the series has none. Without a template it is
/// what Prometheus writes, or the query where that is nothing, as in Grafana.
pub(super) fn legend(template: &str, labels: &BTreeMap<String, String>, query: &str) -> String {
    if template.is_empty() || template == "__auto" {
        return written(labels).unwrap_or_else(|| query.to_owned());
    }
    let mut made = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((label, after)) = after.split_once("}}") else {
            break;
        };
        made += before;
        made += labels.get(label.trim()).map_or("", String::as_str);
        rest = after;
    }
    made += rest;
    match made.trim() {
        "" => NAMELESS.to_owned(),
        made => made.to_owned(),
    }
}

/// `up{job="a"}`
fn written(labels: &BTreeMap<String, String>) -> Option<String> {
    let others = labels.iter().filter(|(key, _)| *key != "__name__");
    let pairs: Vec<String> = others
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let name = labels.get("__name__").map_or("", String::as_str);
    match (name, pairs.join(", ")) {
        ("", pairs) if pairs.is_empty() => None,
        (name, pairs) if pairs.is_empty() => Some(name.to_owned()),
        (name, pairs) => Some(format!("{name}{{{pairs}}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn variables_are_replaced_in_every_way_of_writing_them() {
        let values = map(&[("pod", ".*"), ("__rate_interval", "60s"), ("pods", "no")]);
        let of = |text| substitute(text, &values);
        assert_eq!(
            of(r#"rate(a{pod=~"$pod"}[$__rate_interval])"#).unwrap(),
            r#"rate(a{pod=~".*"}[60s])"#
        );
        assert_eq!(of("${pod}_${pod:regex}$pods").unwrap(), ".*_.*no");
        // Of regular expressions and of label_replace.
        assert_eq!(of(r#""x$" "$1" $"#).unwrap(), r#""x$" "$1" $"#);
        assert_eq!(of("$job").unwrap_err(), "the variable `$job` has no value");
    }

    #[test]
    fn series_are_named_by_their_labels() {
        let labels = map(&[("__name__", "up"), ("pod", "pxe-0"), ("le", "1")]);
        let of = |template| legend(template, &labels, "up");
        assert_eq!(of("{{pod}} proven"), "pxe-0 proven");
        assert_eq!(of("{{ pod }} ok={{aztec_ok}}"), "pxe-0 ok=");
        assert_eq!(of("made"), "made");
        assert_eq!(of("{{pod"), "{{pod");
        assert_eq!(of(""), r#"up{le="1", pod="pxe-0"}"#);
        assert_eq!(of("{{none}}"), "Value");
        assert_eq!(legend("", &BTreeMap::new(), "sum(up)"), "sum(up)");
        assert_eq!(legend("", &map(&[("__name__", "up")]), "up"), "up");
    }
}
