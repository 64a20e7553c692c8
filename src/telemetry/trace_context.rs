//! Trace context: the trace that this execution belongs to. W3C Trace Context, from `TRACEPARENT` and
//! `TRACESTATE`.

use std::fmt;

use uuid::Uuid;

/// Id of a trace, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId(pub [u8; 16]);

/// Id of a span, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SpanId(pub [u8; 8]);

impl SpanId {
    /// A new one.
    pub(super) fn random() -> Self {
        let bytes = Uuid::new_v4().into_bytes();
        let mut id = [0; 8];
        // The last eight bytes of a UUID are random but for two bits, which are never both zero.
        id.copy_from_slice(&bytes[8..]);
        Self(id)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The trace of this execution.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TraceContext {
    pub trace: TraceId,
    /// The span that started the execution, if one did.
    pub parent: Option<SpanId>,
    /// `tracestate`, which vendors add, as it came.
    pub state: String,
    /// Whether spans are recorded: what started the execution decides for the whole trace.
    pub is_sampled: bool,
}

impl TraceContext {
    /// Continues the trace of the environment, or begins a new one where there is none, or none that can be
    /// read.
    pub(super) fn from_environment(parent: Option<&str>, state: Option<&str>) -> Self {
        parent.and_then(|text| Self::parse(text.trim(), state.unwrap_or_default())).unwrap_or_else(|| Self {
            trace: TraceId(Uuid::new_v4().into_bytes()),
            parent: None,
            state: String::new(),
            is_sampled: true,
        })
    }

    /// `00-<32 digits>-<16 digits>-<2 digits>`; later versions may add more.
    fn parse(text: &str, state: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let [version, trace, parent, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let version: [u8; 1] = bytes(version)?;
        if version == [0xff] || version == [0] && parts.next().is_some() {
            return None;
        }
        let (trace, parent): ([u8; 16], [u8; 8]) = (bytes(trace)?, bytes(parent)?);
        let [flags] = bytes(flags)?;
        if trace == [0; 16] || parent == [0; 8] {
            return None;
        }
        // A state that no request could carry is not passed on.
        let state = if state.len() <= 512 && state.bytes().all(|b| (0x20..0x7f).contains(&b)) { state } else { "" };
        Some(Self {
            trace: TraceId(trace),
            parent: Some(SpanId(parent)),
            state: state.to_owned(),
            is_sampled: flags & 1 == 1,
        })
    }
}

/// Lowercase hexadecimal digits of exactly this many bytes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = text.len() == 2 * N && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut found = [0; N];
    for (at, byte) in found.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2).filter(|_| is_hex)?, 16).ok()?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_trace_of_the_environment_is_continued_with_its_decision_to_sample() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let context = TraceContext::from_environment(Some(&parent), Some("vendor=x"));
        assert_eq!((context.trace.to_string().as_str(), context.is_sampled), (TRACE, true));
        assert_eq!(context.parent, Some(SpanId([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])));
        assert_eq!(context.state, "vendor=x");
        let unsampled = TraceContext::from_environment(Some(&parent.replace("-01", "-00")), None);
        assert!(!unsampled.is_sampled);
        // A later version may say more.
        let later = format!("01-{TRACE}-00f067aa0ba902b7-01-what-else");
        assert_eq!(TraceContext::from_environment(Some(&later), None).trace, context.trace);
    }

    #[test]
    fn what_is_no_trace_context_begins_a_new_trace() {
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        for wrong in [
            "".to_owned(),
            good.to_uppercase(),
            good.replace("00f067aa0ba902b7", "0000000000000000"),
            good.replace(TRACE, &"0".repeat(32)),
            good.replace("00-4", "ff-4"),
            good.clone() + "-more",
            good.replace("-01", "-1"),
            good.replace(TRACE, "é".repeat(16).as_str()),
        ] {
            let context = TraceContext::from_environment(Some(&wrong), Some("vendor=x"));
            assert!(context.parent.is_none() && context.is_sampled && context.state.is_empty(), "{wrong}");
            assert_ne!(context.trace.to_string(), TRACE);
        }
        assert_ne!(SpanId::random(), SpanId::random());
    }
}
