//! Which sources are believed: intersection, cluster, system peer (RFC 5905 §11.2).
//!
//! The intersection works on intervals that are guaranteed, so it decides about truth: a point that more
//! than half of the sources cover can be the true time, any other cannot unless half of them lie. The
//! cluster algorithm works on the statistical estimates of those that remain and decides about quality.

use crate::estimate::Estimate;

/// How many candidates are looked at; further ones come out as [`Verdict::Outlier`].
pub const MAX_CANDIDATES: usize = 64;

/// What a stratum is worth when the system peer is chosen, seconds of distance.
const STRATUM_WORTH_S: f64 = 1e-3;

/// A challenger must be better than the system peer in office by this factor.
const HYSTERESIS: f64 = 0.7;

/// Fewer survivors than this are not pruned further: two that differ cannot tell who is right.
const LEAST_SURVIVORS: usize = 2;

/// A survivor is apart when it is so many times as far from the others as these are from each other.
const APART: f64 = 4.0;

/// A source that has answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Least and greatest possible θ by its own account, seconds ([`crate::interval::ErrorInterval::at`]).
    pub interval: [f64; 2],
    /// Its estimate of θ at the same moment.
    pub estimate: Estimate,
    /// Root distance in seconds: how wrong a clock set by this source alone could be.
    pub distance: f64,
    /// Stratum of the source.
    pub stratum: u8,
    /// Noise of its samples, seconds.
    pub jitter: f64,
    /// It was the system peer after the last selection.
    pub incumbent: bool,
    /// Preferred among the survivors.
    pub prefer: bool,
    /// Cannot be outvoted by sources that are not trusted.
    pub trust: bool,
    /// Must be among the truechimers, or nothing is selected.
    pub require: bool,
    /// Measured but never selected.
    pub noselect: bool,
}

/// What selection demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectParams {
    /// How many sources must agree.
    pub min_sources: usize,
    /// A source marked `require` is configured, whether it is among the candidates or not.
    pub requires: bool,
}

/// What became of one candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The best of the survivors.
    SystemPeer,
    /// Contributes to the clock.
    Survivor,
    /// Agrees with the majority but adds nothing.
    Outlier,
    /// Disagrees with the majority, or there is none.
    Falseticker,
    /// Was not asked.
    NoSelect,
}

/// What became of the selection as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are survivors to set the clock by.
    Agreed,
    /// Nobody has answered who may be selected.
    NoCandidates,
    /// No set of more than half of them agrees.
    NoMajority,
    /// The majority is smaller than `min_sources`.
    TooFew,
    /// No `require` source is among the majority.
    RequiredMissing,
}

/// The result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection<'a> {
    /// One for each candidate, in their order.
    pub verdicts: &'a [Verdict],
    /// Index of the system peer, if [`Outcome::Agreed`].
    pub peer: Option<usize>,
    /// Least and greatest θ that more than half of the voters allow: as long as most of them are right, the
    /// truth is inside, wherever the others put their intervals. `None` without a majority.
    pub bound: Option<[f64; 2]>,
    /// How many agree at most: the truechimers, or the largest set that was too small.
    pub agreeing: usize,
    /// How many candidates may be selected.
    pub answering: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// Runs the selection; keeps its working space, so that a call allocates nothing.
#[derive(Clone, Debug)]
pub struct Selector {
    edges: Vec<Edge>,
    verdicts: Vec<Verdict>,
}

/// One end of an interval.
#[derive(Clone, Copy, Debug)]
struct Edge {
    at: f64,
    /// +1 where an interval begins, −1 where it ends.
    step: i32,
}

/// Where the voters' intervals overlap.
#[derive(Clone, Copy, Debug)]
struct Overlap {
    /// The most that overlap anywhere.
    most: usize,
    /// From the first to the last point where so many overlap.
    core: [f64; 2],
    /// From the first to the last point where more than half overlap.
    majority: Option<[f64; 2]>,
}

impl Default for Selector {
    fn default() -> Self {
        Self::new()
    }
}

impl Selector {
    /// With room for [`MAX_CANDIDATES`].
    pub fn new() -> Self {
        Self { edges: Vec::with_capacity(2 * MAX_CANDIDATES), verdicts: Vec::with_capacity(MAX_CANDIDATES) }
    }

    /// Decides about all candidates. A candidate whose interval is no interval (NaN, ends exchanged) is a
    /// falseticker that still counts as a voter, so that broken sources do not make a minority into a
    /// majority.
    pub fn select(&mut self, candidates: &[Candidate], params: &SelectParams) -> Selection<'_> {
        self.verdicts.clear();
        self.verdicts.extend(candidates.iter().enumerate().map(|(index, candidate)| {
            if candidate.noselect {
                Verdict::NoSelect
            } else if index < MAX_CANDIDATES {
                Verdict::Falseticker
            } else {
                Verdict::Outlier
            }
        }));
        let candidates = candidates.get(..MAX_CANDIDATES).unwrap_or(candidates);
        let answering = candidates.iter().filter(|candidate| !candidate.noselect).count();
        // Where there are trusted sources, they alone vote.
        let trusted_only = candidates.iter().any(|candidate| candidate.trust && !candidate.noselect);
        let votes = |candidate: &Candidate| !candidate.noselect && (candidate.trust || !trusted_only);
        let voters = candidates.iter().filter(|candidate| votes(candidate)).count();

        let overlap = self.intersect(candidates, votes, voters);
        let Some(bound) = overlap.majority else {
            let outcome = if voters == 0 { Outcome::NoCandidates } else { Outcome::NoMajority };
            return self.finish(None, None, overlap.most, answering, outcome);
        };
        let mut agreeing = 0;
        for (verdict, candidate) in self.verdicts.iter_mut().zip(candidates) {
            let [lo, hi] = candidate.interval;
            if *verdict == Verdict::Falseticker && lo <= overlap.core[1] && hi >= overlap.core[0] {
                *verdict = Verdict::Survivor;
                agreeing += 1;
            }
        }
        let required =
            |(verdict, candidate): (&Verdict, &Candidate)| *verdict == Verdict::Survivor && candidate.require;
        let outcome = if agreeing < params.min_sources {
            Outcome::TooFew
        } else if params.requires && !self.verdicts.iter().zip(candidates).any(required) {
            Outcome::RequiredMissing
        } else {
            Outcome::Agreed
        };
        self.cluster(candidates);
        let peer = if outcome == Outcome::Agreed { self.elect(candidates) } else { None };
        self.finish(peer, Some(bound), agreeing, answering, outcome)
    }

    fn finish(
        &self,
        peer: Option<usize>,
        bound: Option<[f64; 2]>,
        agreeing: usize,
        answering: usize,
        outcome: Outcome,
    ) -> Selection<'_> {
        Selection { verdicts: &self.verdicts, peer, bound, agreeing, answering, outcome }
    }

    /// The intersection algorithm, RFC 5905 §11.2.1, after Marzullo: walks over all ends of intervals in
    /// order.
    ///
    /// It differs from the RFC in that the bound covers every point with a majority, where the RFC takes
    /// those with the most votes: the truth may be where only a bare majority, without the liars, overlaps.
    fn intersect(
        &mut self,
        candidates: &[Candidate],
        votes: impl Fn(&Candidate) -> bool,
        voters: usize,
    ) -> Overlap {
        self.edges.clear();
        for candidate in candidates.iter().filter(|candidate| votes(candidate)) {
            let [lo, hi] = candidate.interval;
            if lo <= hi {
                self.edges.push(Edge { at: lo, step: 1 });
                self.edges.push(Edge { at: hi, step: -1 });
            }
        }
        // Intervals are closed: at the same point, beginnings come first.
        self.edges.sort_unstable_by(|a, b| a.at.total_cmp(&b.at).then(b.step.cmp(&a.step)));
        let mut overlap = Overlap { most: 0, core: [0.0; 2], majority: None };
        let mut count = 0_usize;
        for edge in &self.edges {
            // The point itself is covered by those that begin here and those that end here.
            let covering = if edge.step > 0 { count + 1 } else { count };
            if covering > overlap.most {
                overlap.most = covering;
                overlap.core = [edge.at; 2];
            } else if covering == overlap.most {
                overlap.core[1] = edge.at;
            }
            if covering > voters / 2 {
                overlap.majority = Some([overlap.majority.map_or(edge.at, |[lo, _]| lo), edge.at]);
            }
            count = if edge.step > 0 { count + 1 } else { count.saturating_sub(1) };
        }
        overlap
    }

    /// The cluster algorithm, RFC 5905 §11.2.2: takes away the survivor that is farthest from the others, as
    /// long as it is apart.
    ///
    /// The RFC calls it apart when its distance exceeds the noise of the best survivor, and stops at three.
    /// With estimates much better than the asymmetry of their paths that would throw away good sources one
    /// by one; here the distance must also exceed, by a factor, those of the others from each other.
    fn cluster(&mut self, candidates: &[Candidate]) {
        loop {
            let survivors = || {
                let all = candidates.iter().zip(&self.verdicts).enumerate();
                all.filter(|(_, (_, verdict))| **verdict == Verdict::Survivor)
                    .map(|(index, (c, _))| (index, c))
            };
            if survivors().count() <= LEAST_SURVIVORS {
                return;
            }
            let mut worst = (0, 0.0);
            for (index, candidate) in survivors() {
                let others = survivors().filter(|(other, _)| *other != index);
                let apart = root_mean_square(others.map(|(_, other)| distance(candidate, other)));
                if apart > worst.1 {
                    worst = (index, apart);
                }
            }
            let others = || survivors().filter(|(index, _)| *index != worst.0).map(|(_, other)| other);
            let noise = others().map(noise).fold(f64::INFINITY, f64::min);
            // A distance of a source from itself is none, so this is a little less than the mean over pairs.
            let spread = root_mean_square(others().flat_map(|a| others().map(move |b| distance(a, b))));
            if !(worst.1 > noise && worst.1 > APART * spread) {
                return;
            }
            if let Some(verdict) = self.verdicts.get_mut(worst.0) {
                *verdict = Verdict::Outlier;
            }
        }
    }

    /// Makes the best of the (preferred) survivors the system peer. It gives its name, stratum and leap to
    /// what is told to others; the clock follows all survivors.
    fn elect(&mut self, candidates: &[Candidate]) -> Option<usize> {
        let preferred = self
            .verdicts
            .iter()
            .zip(candidates)
            .any(|(verdict, candidate)| *verdict == Verdict::Survivor && candidate.prefer);
        let mut best: Option<(usize, f64)> = None;
        for (index, (verdict, candidate)) in self.verdicts.iter().zip(candidates).enumerate() {
            if *verdict != Verdict::Survivor || (preferred && !candidate.prefer) {
                continue;
            }
            let own = candidate.distance.max(0.0) + f64::from(candidate.stratum) * STRATUM_WORTH_S;
            let score = if candidate.incumbent { own * HYSTERESIS } else { own };
            if best.is_none_or(|(_, least)| score < least) {
                best = Some((index, score));
            }
        }
        let (index, _) = best?;
        if let Some(verdict) = self.verdicts.get_mut(index) {
            *verdict = Verdict::SystemPeer;
        }
        Some(index)
    }
}

fn distance(a: &Candidate, b: &Candidate) -> f64 {
    a.estimate.offset - b.estimate.offset
}

fn root_mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (squares, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value * value, count + 1));
    (squares / f64::from(count.max(1))).sqrt()
}

/// How far from the truth a candidate's estimate may be expected by its own noise.
fn noise(candidate: &Candidate) -> f64 {
    candidate.jitter.max(candidate.estimate.offset_variance.max(0.0).sqrt())
}

#[cfg(test)]
mod tests;
