//! A piece as the span that is sent.

use std::time::{Duration, SystemTime};

use greenlane_core::time::Time;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::piece::{Kind, Piece};

/// The name that spans and measures carry of who made them.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("greenlane").with_version(env!("CARGO_PKG_VERSION")).build()
}

/// In this trace.
pub(super) fn span(piece: Piece, trace: [u8; 16]) -> SpanData {
    let context = |id: SpanId| SpanContext::new(TraceId::from_bytes(trace), id, TraceFlags::SAMPLED, false, TraceState::default());
    let mut links = SpanLinks::default();
    links.links = piece.links.iter().map(|id| Link::with_context(context(*id))).collect();
    let status = match (piece.failed, piece.kind) {
        (Some(why), _) => Status::error(why),
        // Of the others it is not known that somebody looked.
        (None, Kind::Gate | Kind::Suite | Kind::Landing) => Status::Ok,
        (None, _) => Status::Unset,
    };
    SpanData {
        span_context: context(piece.id),
        parent_span_id: piece.parent.unwrap_or(SpanId::INVALID),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: piece.name.into(),
        start_time: system(piece.from),
        end_time: system(piece.to),
        attributes: piece.attributes.into_iter().collect::<Vec<KeyValue>>(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status,
        instrumentation_scope: scope(),
    }
}

fn system(at: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.0)
}
