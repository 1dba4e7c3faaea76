//! What a plain scalar is: Go's `yaml.v2`, which has the words of YAML 1.1 and Go's own numbers.

use serde_json::{Number, Value};

/// The value of a plain scalar; `None` for what JSON has no value for, such as `.inf`.
pub(super) fn resolved(text: &str) -> Option<Value> {
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return None,
        _ => numeric(text).map_or_else(|| Value::from(text), Value::Number),
    };
    Some(value)
}

/// The value of a scalar with a tag; `None` where it is none of that tag.
pub(super) fn tagged(text: &str, tag: &str) -> Option<Value> {
    match tag {
        "tag:yaml.org,2002:int" => resolved(text).filter(|value| value.is_i64() || value.is_u64()),
        "tag:yaml.org,2002:float" => resolved(text).filter(Value::is_number),
        "tag:yaml.org,2002:bool" => resolved(text).filter(Value::is_boolean),
        "tag:yaml.org,2002:null" => resolved(text).filter(Value::is_null),
        "tag:yaml.org,2002:binary" => None,
        // Text, or a tag of one's own, which says nothing.
        _ => Some(Value::from(text)),
    }
}

fn numeric(text: &str) -> Option<Number> {
    let first = text.chars().next()?;
    if first == '.' {
        return float(text);
    }
    if !first.is_ascii_digit() && first != '+' && first != '-' {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

/// An integer as Go writes it, as the float that Helm makes of it.
fn integer(text: &str) -> Option<Number> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let lower = digits.to_ascii_lowercase();
    let radixes = [("0x", 16), ("0b", 2), ("0o", 8)];
    let prefixed = radixes
        .iter()
        .find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, *radix)));
    let (digits, radix) = match prefixed {
        Some(found) => found,
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match sign {
        // More than 64 bits is a float, and Go's unsigned numbers have no sign.
        "-" if magnitude > i64::MIN.unsigned_abs() => return None,
        "+" if magnitude > i64::MAX.unsigned_abs() => return None,
        _ => {}
    }
    #[expect(clippy::cast_precision_loss, reason = "as Helm loses it")]
    let float = magnitude as f64;
    number(if sign == "-" { -float } else { float })
}

fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let well_formed = (digits(whole) && (fraction.is_empty() || digits(fraction)))
        || (whole.is_empty() && digits(fraction));
    let exponent = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    if !well_formed || !exponent {
        return None;
    }
    text.parse()
        .ok()
        .filter(|float: &f64| float.is_finite())
        .and_then(number)
}

/// A number of JSON: whole where it is whole, for Helm doesn't tell `1.0` from `1`.
fn number(float: f64) -> Option<Number> {
    /// Whole floats below this are whole numbers of 64 bits.
    const WHOLE: f64 = 9_223_372_036_854_775_808.0;
    if float.fract() == 0.0 && float.abs() < WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
        return Some(Number::from(float as i64));
    }
    Number::from_f64(float)
}

/// A number as text, as JSON writes it in Go.
pub(crate) fn text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if float != 0.0 && (float.abs() < 1e-6 || float.abs() >= 1e21) => {
            let text = format!("{float:e}");
            match text.split_once('e') {
                Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                    format!("{mantissa}e+{exponent}")
                }
                _ => text,
            }
        }
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_are_what_go_makes_of_them() {
        for (text, value) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("yEs", json!("yEs")),
            ("~", json!(null)),
            ("0777", json!(511)),
            ("0o17", json!(15)),
            ("0b101", json!(5)),
            ("0x1F", json!(31)),
            ("08", json!(8)),
            ("1_000", json!(1000)),
            ("+3", json!(3)),
            ("-0", json!(0)),
            ("1.0", json!(1)),
            ("1.", json!(1)),
            (".5", json!(0.5)),
            ("1e3", json!(1000)),
            ("1e999", json!("1e999")),
            ("12:30", json!("12:30")),
            ("2001-01-01", json!("2001-01-01")),
            ("0x", json!("0x")),
            ("1.2.3", json!("1.2.3")),
            ("9007199254740993", json!(9_007_199_254_740_992_u64)),
            ("18446744073709551616", json!(1.844_674_407_370_955_2e19)),
            ("infinity", json!("infinity")),
        ] {
            assert_eq!(resolved(text), Some(value), "{text}");
        }
        assert_eq!(resolved(".inf"), None);
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (number, expected) in [
            (json!(134_217_728), "134217728"),
            (json!(250.5), "250.5"),
            (json!(0.000_01), "0.00001"),
            (json!(1e-7), "1e-7"),
            (json!(1e21), "1e+21"),
        ] {
            assert_eq!(text(number.as_number().expect("a number")), expected);
        }
    }
}
