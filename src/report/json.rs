//! A comparison as one JSON object, for programs.

use serde_json::{Map, Value, json};

use crate::scenario::log::{Comparison, Run};
use crate::scenario::metrics::ms;

/// Writes everything; `reproduce` is the command that runs it again.
pub fn object(comparison: &Comparison, reproduce: &str) -> Value {
    let stack = &comparison.stack;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("scenario", comparison.scenario.name.into());
    put("question", comparison.scenario.question.into());
    put("network", comparison.network.into());
    put("seed", comparison.settings.server.seed.into());
    // Loopback has none.
    put("wire", Value::Null);
    put(
        "stack",
        json!({
            "name": stack.name,
            "congestion_control": stack.congestion_control,
            "rto_floor_ms": stack.rto_floor.map(ms),
        }),
    );
    for run in &comparison.runs {
        put(run.column.key, Value::Object(metrics(run)));
    }
    put("explanation", (comparison.scenario.explain)(comparison).into());
    put("reproduce", reproduce.into());
    Value::Object(object)
}

/// Returns the metrics of one column by their names.
pub fn metrics(run: &Run) -> Map<String, Value> {
    match serde_json::to_value(run.metrics()) {
        Ok(Value::Object(metrics)) => metrics,
        _ => Map::new(),
    }
}
