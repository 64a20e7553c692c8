//! Numbers as other tools write them.

use serde_json::Value;

/// A count: an integer, also as a float without a fraction or as a text.
pub(super) fn count(value: &Value) -> Option<i64> {
    let whole = |n: f64| (n.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&n)).then_some(n as i64);
    match value {
        Value::Number(n) => n.as_i64().filter(|n| *n >= 0).or_else(|| whole(n.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().filter(|n: &i64| *n >= 0).or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}
