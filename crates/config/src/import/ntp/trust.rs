//! Whom ntpd believes, and how far it steps: what depends on several lines.

use super::{Reader, whole};
use crate::import::values::{duration, integer};
use crate::import::work::At;
use crate::text::quote;

/// Errors above this are stepped away if nothing is said, in seconds.
const STEP_S: f64 = 0.128;
/// The largest threshold of a step here, in seconds.
const MOST_STEP_S: f64 = 86_400.0;

impl Reader<'_, '_> {
    /// `trustedkey`: numbers, and ranges as `(1 ... 5)`.
    pub(super) fn trusted_keys(&mut self, at: At, words: &[&str]) {
        let text = words.join(" ").replace(['(', ')'], " ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut rest = words.as_slice();
        loop {
            let (first, last);
            (first, last, rest) = match rest {
                [] => return,
                [first, "...", last, rest @ ..] => (whole(Some(first)), whole(Some(last)), rest),
                [word, rest @ ..] => (integer(word), integer(word), rest),
            };
            match (first, last) {
                (Some(first), Some(last)) => self.trusted.push((first, last)),
                _ => return self.work.wrong(at, format!("{} are not numbers of keys", quote(&text))),
            }
        }
    }

    /// A source whose key is not trusted is not believed.
    pub(super) fn finish_keys(&mut self) {
        for source in self.work.draft.sources() {
            let key = self.work.draft.value_of(source, "key").and_then(integer);
            let Some((key, at)) = key.zip(self.work.draft.origin_of(source)) else { continue };
            if !self.trusted.iter().any(|(first, last)| (*first..=*last).contains(&key)) {
                let text = format!(
                    "`key`: no `trustedkey` line has {key}, so it is measured and not believed, as by ntpd"
                );
                self.work.change(at, text);
                self.work.draft.set_of(source, "noselect", "true".into(), Some(at));
            }
        }
    }

    /// `tinker`'s thresholds: the last word counts in each direction, and no step is made where ntpd makes none.
    pub(super) fn finish_steps(&mut self) {
        let (mut forward, mut backward) = (STEP_S, STEP_S);
        for (name, value, _) in &self.steps {
            if *name != "stepback" {
                forward = *value;
            }
            if *name != "stepfwd" {
                backward = *value;
            }
        }
        let at = self.steps.last().map(|(.., at)| *at);
        let never = |value: f64| !(value > 0.0 && value <= MOST_STEP_S);
        let value = if never(forward) || never(backward) {
            "\"never\"".to_owned()
        } else {
            let above = duration(forward.max(backward).max(1e-4));
            format!("{{ above = {above}, first = \"always\" }}")
        };
        if let Some(at) = at.filter(|_| forward != backward) {
            self.work.change(at, "there is one threshold for both directions: the one that steps less");
        }
        self.work.draft.set("clock", "step", value, at);
    }
}
