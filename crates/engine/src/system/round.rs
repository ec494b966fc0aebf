//! One round of selection over all associations.

use truechimer_discipline::combine::combine;
use truechimer_discipline::estimate::Estimate;
use truechimer_discipline::select::{Candidate, Outcome, SelectParams, Selector, Verdict};
use truechimer_time::{Mono, Raw};
use truechimer_wire::ReferenceId;

use super::certificates::{Certificates, true_times};
use crate::association::{Activity, Association, MISDATED, Origin};
use crate::config::LocalConfig;
use crate::sources::Sources;

/// What is asked of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) at: Raw,
    /// Samples taken at this moment count for or against their source.
    pub(crate) now: Mono,
    pub(crate) min_sources: usize,
    pub(crate) max_distance_s: f64,
    pub(crate) local: Option<&'a LocalConfig>,
    pub(crate) certificates: &'a Certificates,
}

/// What came out.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) outcome: Outcome,
    pub(crate) answering: usize,
    pub(crate) agreeing: usize,
    /// Which of the associations, counted over all sources, is the system peer.
    pub(crate) peer: Option<usize>,
    pub(crate) bound: Option<[f64; 2]>,
    pub(crate) combined: Option<Estimate>,
    /// Members that became falsetickers in this round.
    pub(crate) new_falsetickers: Vec<usize>,
    /// By how much the intervals of those two that are farthest apart miss each other, seconds; zero if all overlap.
    pub(crate) spread_s: f64,
}

/// Runs rounds; keeps its working space.
#[derive(Debug)]
pub(crate) struct Rounds {
    selector: Selector,
    candidates: Vec<Candidate>,
    /// The association of each candidate.
    owners: Vec<usize>,
}

impl Rounds {
    pub(crate) fn new() -> Self {
        Self { selector: Selector::new(), candidates: Vec::new(), owners: Vec::new() }
    }

    /// Selects among all that are fit, and tells each what became of it.
    pub(crate) fn run(&mut self, sources: &mut Sources, question: &Question<'_>) -> Round {
        self.gather(sources, question);
        let requires = sources.list.iter().any(|source| source.options().require);
        let params = SelectParams { min_sources: question.min_sources, requires };
        let selection = self.selector.select(&self.candidates, &params);
        let mut round = Round {
            outcome: selection.outcome,
            answering: selection.answering,
            agreeing: selection.agreeing,
            peer: selection.peer.and_then(|index| self.owners.get(index).copied()),
            bound: selection.bound,
            combined: combine(&self.candidates, selection.verdicts),
            new_falsetickers: Vec::new(),
            spread_s: spread(&self.candidates),
        };
        let mut verdicts = self.owners.iter().zip(selection.verdicts).peekable();
        for (index, member) in sources.members_mut().enumerate() {
            member.verdict = verdicts.next_if(|(owner, _)| **owner == index).map(|(_, verdict)| *verdict);
            let false_now = member.verdict == Some(Verdict::Falseticker) && selection.bound.is_some();
            if false_now && !member.told_false {
                round.new_falsetickers.push(index);
            }
            // One that falls silent is still the liar that it was.
            member.told_false = false_now || (member.told_false && member.verdict.is_none());
            let taken = member.last.map(|last| last.at).filter(|at| *at == question.now);
            if taken.is_some() && member.judged != taken {
                member.judged = taken;
                member.bad = if false_now { member.bad.saturating_add(1) } else { 0 };
            }
        }
        round
    }

    fn gather(&mut self, sources: &mut Sources, question: &Question<'_>) {
        self.candidates.clear();
        self.owners.clear();
        let orphans =
            question.local.filter(|local| local.orphan).map(|local| Orphans::of(sources, local, question));
        for (index, member) in sources.members_mut().enumerate() {
            let fitness = member
                .fitness(question.at, question.max_distance_s)
                .and_then(|()| orphans.as_ref().map_or(Ok(()), |orphans| orphans.admit(member)))
                .and_then(|()| if is_misdated(member, question) { Err(MISDATED) } else { Ok(()) });
            member.unfit = fitness.err();
            if fitness.is_err() {
                continue;
            }
            let (Some(estimate), Some(interval), Some(last)) =
                (member.estimator.estimate(question.at), member.interval.at(question.at), member.last)
            else {
                member.unfit = Some("has not answered yet");
                continue;
            };
            let [lo, hi] = interval;
            let options = &member.options;
            self.owners.push(index);
            self.candidates.push(Candidate {
                interval,
                estimate,
                distance: (hi - lo) / 2.0,
                stratum: last.stratum,
                jitter: member.estimator.statistics().jitter,
                incumbent: member.verdict == Some(Verdict::SystemPeer),
                prefer: options.prefer,
                trust: options.trust,
                require: options.require,
                noselect: options.noselect,
            });
        }
    }
}

/// Whether it tells a time at which its own certificate was not valid.
fn is_misdated(member: &Association, question: &Question<'_>) -> bool {
    let (Some(certificate), Some(told)) = (member.certificate(), member.interval.at(question.at)) else {
        return false;
    };
    question.certificates.refutes(&certificate, true_times(told, question.at))
}

/// How many that could be selected are still expected to answer for the first time.
pub(crate) fn awaited(sources: &Sources) -> usize {
    let unresolved: usize = sources.list.iter().map(crate::sources::Source::unresolved).sum();
    let silent = |member: &&Association| {
        matches!(member.origin, Origin::Network(_))
            && member.activity == Activity::Online
            && !member.options.noselect
            && member.last.is_none()
            && member.failed == 0
    };
    unresolved + sources.members().filter(silent).count()
}

/// How many could be selected at all.
pub(crate) fn expected(sources: &Sources) -> usize {
    let unresolved: usize = sources.list.iter().map(crate::sources::Source::unresolved).sum();
    let usable = |member: &&Association| member.activity == Activity::Online && !member.options.noselect;
    unresolved + sources.members().filter(usable).count()
}

/// Islands that elect a leader: all serve at the same local stratum, and follow the one among them, themselves
/// included, that has the smallest reference identifier.
#[derive(Debug)]
struct Orphans {
    stratum: u8,
    /// A source with a stratum below the orphans' is there, so there are no orphans.
    connected: bool,
    /// The leader among the sources, unless it is this machine.
    leader: Option<ReferenceId>,
}

impl Orphans {
    fn of(sources: &Sources, local: &LocalConfig, question: &Question<'_>) -> Self {
        let fit = |member: &&Association| member.fitness(question.at, question.max_distance_s).is_ok();
        let stratum = |member: &Association| member.last.map(|last| last.stratum);
        let connected = sources
            .members()
            .filter(fit)
            .any(|member| stratum(member).is_some_and(|stratum| stratum < local.stratum));
        let peers = || sources.members().filter(fit).filter(|member| stratum(member) == Some(local.stratum));
        let own = peers().filter_map(|member| member.last?.local).map(ReferenceId::from_address).min();
        let theirs =
            peers().filter_map(|member| Some(ReferenceId::from_address(member.remote()?.ip()))).min();
        // Whoever does not know its own identifier leads: two that follow each other would be a loop.
        let leader = theirs.filter(|theirs| own.is_some_and(|own| *theirs < own));
        Self { stratum: local.stratum, connected, leader }
    }

    fn admit(&self, member: &Association) -> Result<(), &'static str> {
        let Some(last) = member.last else { return Ok(()) };
        if last.stratum < self.stratum {
            return Ok(());
        }
        let id = member.remote().map(|remote| ReferenceId::from_address(remote.ip()));
        if last.stratum == self.stratum && !self.connected && self.leader.is_some() && id == self.leader {
            return Ok(());
        }
        Err("an orphan like this machine, and not the leader")
    }
}

fn spread(candidates: &[Candidate]) -> f64 {
    let intervals = || candidates.iter().filter(|c| !c.noselect).map(|c| c.interval);
    let least = intervals().map(|[_, hi]| hi).fold(f64::INFINITY, f64::min);
    let most = intervals().map(|[lo, _]| lo).fold(f64::NEG_INFINITY, f64::max);
    (most - least).max(0.0)
}
