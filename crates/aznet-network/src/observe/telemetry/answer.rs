//! What Prometheus answers, read.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A value of a series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The series' labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// Values of a series over time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Series {
    /// The series' labels.
    #[serde(rename = "metric")]
    pub labels: BTreeMap<String, String>,
    /// Seconds since 1970, and the value then.
    #[serde(deserialize_with = "numbers")]
    pub values: Vec<(f64, f64)>,
}

/// Reads `{"status":"success","data":{"resultType":"vector","result":[{"metric":{…},"value":[time,"1"]}]}}`.
pub(super) fn samples(bytes: &[u8]) -> Option<Vec<Sample>> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    #[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
    enum Data {
        Vector(Vec<Entry>),
        Scalar((f64, String)),
    }
    #[derive(Deserialize)]
    struct Entry {
        metric: BTreeMap<String, String>,
        value: (f64, String),
    }
    let sample = |labels, value: &str| {
        let value = value.parse().ok()?;
        Some(Sample { labels, value })
    };
    match serde_json::from_slice::<Answer>(bytes).ok()?.data {
        Data::Vector(entries) => entries
            .into_iter()
            .map(|entry| sample(entry.metric, &entry.value.1))
            .collect(),
        Data::Scalar((_, value)) => Some(vec![sample(BTreeMap::new(), &value)?]),
    }
}

/// Reads `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{…},"values":[[time,"1"],…]}]}}`.
pub(super) fn series(bytes: &[u8]) -> Option<Vec<Series>> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        result: Vec<Series>,
    }
    Some(serde_json::from_slice::<Answer>(bytes).ok()?.data.result)
}

/// Prometheus writes values as texts, for JSON has no `NaN`.
fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(f64, f64)>, D::Error> {
    let texts = Vec::<(f64, String)>::deserialize(from)?;
    let number = |(at, text): (f64, String)| Ok((at, text.parse().map_err(D::Error::custom)?));
    texts.into_iter().map(number).collect()
}

/// The longest of `{"data":{"activeTargets":[{"scrapeInterval":"15s",…}]}}`.
pub(super) fn interval(bytes: &[u8]) -> Option<Duration> {
    let answer: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let targets = answer["data"]["activeTargets"].as_array()?.iter();
    let intervals = targets.filter_map(|target| target["scrapeInterval"].as_str());
    let spans = intervals.filter_map(|text| text.parse::<SignedDuration>().ok());
    spans.max()?.try_into().ok()
}

/// Prometheus' own words, or else the beginning of the answer.
pub(super) fn reason(answer: &[u8]) -> String {
    let read = serde_json::from_slice::<serde_json::Value>(answer);
    let words = read
        .ok()
        .and_then(|read| Some(read["error"].as_str()?.to_owned()));
    words.unwrap_or_else(|| String::from_utf8_lossy(answer).chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let text = br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"pod":"pxe-0"},"value":[1.5,"3"]}]}}"#;
        let read = samples(text).unwrap();
        assert_eq!(
            (read[0].labels["pod"].as_str(), read[0].value),
            ("pxe-0", 3.0)
        );
        let scalar = br#"{"data":{"resultType":"scalar","result":[1,"NaN"]}}"#;
        assert!(samples(scalar).unwrap()[0].value.is_nan());
        assert_eq!(
            samples(br#"{"status":"error","error":"parse error"}"#),
            None
        );
    }

    #[test]
    fn values_over_time_are_read() {
        let text = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"pod":"pxe-0"},"values":[[15,"3"],[30,"+Inf"]]}]}}"#;
        let read = series(text).unwrap();
        assert_eq!(read[0].labels["pod"], "pxe-0");
        assert_eq!(read[0].values, [(15.0, 3.0), (30.0, f64::INFINITY)]);
        let refusal = br#"{"status":"error","errorType":"bad_data","error":"unknown function"}"#;
        assert_eq!(series(refusal), None);
        assert_eq!(reason(refusal), "unknown function");
        assert_eq!(reason(b"no such pod"), "no such pod");
    }

    #[test]
    fn samples_are_as_far_apart_as_the_slowest_target_is_asked() {
        let text =
            br#"{"data":{"activeTargets":[{"scrapeInterval":"15s"},{"scrapeInterval":"1m"}]}}"#;
        assert_eq!(interval(text), Some(Duration::from_mins(1)));
        assert_eq!(interval(br#"{"data":{"activeTargets":[]}}"#), None);
    }
}
