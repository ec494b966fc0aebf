//! Step and panic gates: which correction may be made at all, and how.

/// Steps are taken only for corrections above `above_s`, and only among the first `first` clock updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepPolicy {
    /// Threshold in seconds; `None` never steps.
    pub above_s: Option<f64>,
    /// How many of the first updates may step; `None` for always.
    pub first: Option<u32>,
}

/// Corrections larger than these are refused (RFC 5905 §11.3 PANICT). Each way has its own limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PanicLimits {
    /// One correction forward while running, seconds; `None` for no limit.
    pub forward_s: Option<f64>,
    /// One correction backward while running, seconds, as a positive number.
    pub backward_s: Option<f64>,
    /// The first correction after the start, either way, seconds; `None` for no limit.
    pub start_s: Option<f64>,
    /// All steps since the state was first written, either way, seconds; it survives restarts.
    pub accumulated_s: Option<f64>,
}
