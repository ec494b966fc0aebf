//! What operators do to sources.

use truechimer_time::Mono;

use super::{MAX_ASSOCIATIONS, Source, Sources};
use crate::association::{Activity, Association};
use crate::command::{CommandError, SourceChange, Which};
use crate::config::{SourceConfig, SourceKind, SourceOptions};
use crate::outbox::Turn;

/// Whether this member is meant, where its source as a whole is not.
fn covers(which: &Which, member: &Association) -> bool {
    member.remote().is_some_and(|remote| which.covers(remote.ip()))
}

impl Source {
    /// Whether it, or one of its members, is meant.
    fn is_meant(&self, which: &Which) -> bool {
        which.names(&self.name) || self.members.iter().any(|member| covers(which, member))
    }
}

impl Sources {
    /// Switches sources; `false` if nobody is meant.
    pub(crate) fn switch(&mut self, which: &Which, online: bool, turn: &mut Turn<'_>) -> bool {
        let mut found = *which == Which::All;
        for source in &mut self.list {
            let named = which.names(&source.name);
            let whole = named
                || (!source.members.is_empty() && source.members.iter().all(|member| covers(which, member)));
            for member in source.members.iter_mut().filter(|member| named || covers(which, member)) {
                member.set_online(online, turn);
                found = true;
            }
            found |= named;
            if whole {
                source.offline = !online;
                if let Some(lookup) = source.lookup.as_mut().filter(|_| online) {
                    lookup.hurry(turn.now.mono);
                }
            }
        }
        found
    }

    /// Bursts at sources; `false` if nobody is meant.
    pub(crate) fn burst(&mut self, which: &Which, now: Mono) -> bool {
        let mut found = *which == Which::All;
        for source in &mut self.list {
            let named = which.names(&source.name);
            found |= named;
            for member in source.members.iter_mut().filter(|member| named || covers(which, member)) {
                found = true;
                if member.activity == Activity::Online {
                    member.poll.start_burst(now);
                }
            }
        }
        found
    }

    /// One more source.
    pub(crate) fn include(&mut self, config: SourceConfig, now: Mono) -> Result<(), CommandError> {
        let host = |kind: &SourceKind| match kind {
            SourceKind::Server(endpoint) | SourceKind::Pool { endpoint, .. } => Some(endpoint.clone()),
            SourceKind::Reference { .. } => None,
        };
        if self.list.iter().any(|source| host(&source.config.kind) == host(&config.kind)) {
            return Err(CommandError::AlreadyKnown);
        }
        if self.list.len() >= MAX_ASSOCIATIONS || self.room() == 0 {
            return Err(CommandError::TooMany);
        }
        let mut source = Source::new(&config, self.factory, self.room(), now);
        source.added = true;
        self.list.push(source);
        Ok(())
    }

    /// Some sources less; `false` if nobody is meant. Of a pool, members that are meant go, and it has so many less.
    pub(crate) fn remove(&mut self, which: &Which, turn: &mut Turn<'_>) -> bool {
        let mut found = false;
        for source in &mut self.list {
            let named = which.names(&source.name);
            let size = source.size;
            source.members.retain_mut(|member| {
                let goes = named || covers(which, member);
                if goes {
                    member.abandon(turn);
                    source.size = source.size.saturating_sub(1);
                }
                !goes
            });
            if named {
                source.size = 0;
            }
            found |= source.size < size;
        }
        self.list.retain(|source| source.size > 0);
        found
    }

    /// Uses sources in another way; `false` if nobody is meant.
    pub(crate) fn change(&mut self, which: &Which, change: SourceChange) -> bool {
        let mut found = false;
        for source in self.list.iter_mut().filter(|source| source.is_meant(which)) {
            found = true;
            alter(&mut source.config.options, change);
            alter(&mut source.options, change);
            for member in &mut source.members {
                alter(&mut member.options, change);
                member.poll.limit(&member.options);
            }
        }
        found
    }

    /// Resolves all names again.
    pub(crate) fn refresh(&mut self, now: Mono) {
        for source in &mut self.list {
            if let Some(lookup) = source.lookup.as_mut() {
                source.refreshing = true;
                lookup.hurry(now);
            }
        }
    }

    /// How the sources are configured now.
    pub(crate) fn configs(&self) -> Vec<SourceConfig> {
        self.list.iter().map(|source| source.config.clone()).collect()
    }

    /// Those that came by command.
    pub(crate) fn added(&self) -> impl Iterator<Item = SourceConfig> {
        self.list.iter().filter(|source| source.added).map(|source| source.config.clone())
    }
}

fn alter(options: &mut SourceOptions, change: SourceChange) {
    let set = |to: &mut bool, wanted: Option<bool>| *to = wanted.unwrap_or(*to);
    match change {
        SourceChange::MinPoll(poll) => {
            options.min_poll = poll;
            options.max_poll = options.max_poll.max(poll);
        }
        SourceChange::MaxPoll(poll) => {
            options.max_poll = poll;
            options.min_poll = options.min_poll.min(poll);
        }
        SourceChange::MaxDelay(delay_s) => options.max_delay_s = delay_s,
        SourceChange::MaxDelayRatio(ratio) => options.max_delay_ratio = Some(ratio),
        SourceChange::MinStratum(stratum) => options.min_stratum = stratum,
        SourceChange::Offset(offset_s) => options.offset_s = offset_s,
        SourceChange::Select { prefer, noselect, trust, require } => {
            set(&mut options.prefer, prefer);
            set(&mut options.noselect, noselect);
            set(&mut options.trust, trust);
            set(&mut options.require, require);
        }
    }
}
