//! Who has said what, and whether it is news.

use truechimer_discipline::select::Verdict;
use truechimer_time::Mono;

use crate::association::Association;
use crate::sources::Sources;

/// A source that was believed contradicts what is said of the oscillator: then what the others said some time ago may hold
/// no more, and must not outvote it. One that was not believed anyway cannot cast this doubt.
pub(super) fn suspect_oscillator(sources: &mut Sources, now: Mono) {
    let contradicts =
        |member: &Association| is_fresh(member, now) && agrees(member) && member.interval.is_contradicted();
    if sources.members().any(contradicts) {
        for member in sources.members_mut().filter(|member| !is_fresh(member, now)) {
            member.interval.suspect();
        }
    }
}

/// Whether all that have ever said something have been silent for longer than their options bear.
pub(super) fn is_given_up(sources: &Sources) -> bool {
    let mut heard = sources.members().filter(|member| member.last.is_some()).peekable();
    heard.peek().is_some() && !heard.any(Association::vouches)
}

/// Whether only sources outside the majority have said something just now: then nothing is known better than before, and
/// what the majority said some time ago is no fresh news.
pub(super) fn is_word_of_outsiders(sources: &Sources, now: Mono) -> bool {
    let mut fresh = sources.members().filter(|member| is_fresh(member, now)).peekable();
    fresh.peek().is_some() && !fresh.any(agrees)
}

fn is_fresh(member: &Association, now: Mono) -> bool {
    member.last.is_some_and(|last| last.at == now)
}

/// Whether it was part of the majority in the last round.
pub(super) fn agrees(member: &Association) -> bool {
    matches!(member.verdict, Some(Verdict::SystemPeer | Verdict::Survivor | Verdict::Outlier))
}

pub(super) fn survivors(sources: &Sources) -> impl Iterator<Item = &Association> {
    sources.members().filter(|member| matches!(member.verdict, Some(Verdict::SystemPeer | Verdict::Survivor)))
}
