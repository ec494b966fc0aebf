//! What operators ask for.

use std::net::IpAddr;

use truechimer_time::Now;

use super::Engine;
use crate::command::{Command, CommandError, Which};
use crate::config::{AccessRule, EngineConfig};
use crate::outbox::Turn;
use crate::server::Access;

/// So many access rules there may be.
const MAX_RULES: usize = 4096;

impl Engine {
    /// An operator's command.
    ///
    /// # Errors
    /// It cannot be carried out, and then has changed nothing.
    pub fn handle_command(&mut self, command: Command, now: Now) -> Result<(), CommandError> {
        let Some(now) = self.begin(now) else { return Ok(()) };
        let named = |name: Option<String>| name.map_or(Which::All, Which::Named);
        let mut turn = turn!(self, now);
        let found = match command {
            Command::Online(name) => self.sources.switch(&named(name), true, &mut turn),
            Command::Offline(name) => self.sources.switch(&named(name), false, &mut turn),
            Command::Burst(name) => self.sources.burst(&named(name), now.mono),
            Command::Switch { which, online } => self.sources.switch(&which, online, &mut turn),
            Command::BurstAt(which) => self.sources.burst(&which, now.mono),
            Command::Add(config) => {
                self.sources.include(*config, now.mono)?;
                self.adopt_sources(now);
                true
            }
            Command::Remove(which) => {
                let found = self.sources.remove(&which, &mut turn);
                self.adopt_sources(now);
                found
            }
            Command::Change(which, change) => {
                let found = self.sources.change(&which, change);
                self.adopt_sources(now);
                found
            }
            Command::Refresh => {
                self.sources.refresh(now.mono);
                true
            }
            Command::Reset => {
                self.measure_anew(now);
                true
            }
            Command::Step => {
                let typed_s = self.typed_offset(now);
                let mut turn = turn!(self, now);
                self.system.step(typed_s, &self.clock, &mut turn).map_err(CommandError::NotPossible)?;
                return Ok(());
            }
            Command::SetStepPolicy(policy) => {
                self.config.clock.step = policy;
                self.system.reconfigure(&self.config, &self.sources);
                true
            }
            Command::AllowTyped(allowed) => {
                self.manual.enable(allowed);
                true
            }
            Command::ForgetTyped(index) => {
                self.forget_typed(index, now)?;
                true
            }
            Command::SetLocal(local) => {
                self.config.local = local;
                self.local.reconfigure(self.config.local.clone());
                self.system.refresh(&self.sources, &mut self.local, &self.clock, &mut turn);
                true
            }
            Command::SetAccess(rule, whole) => {
                self.set_access(rule, whole)?;
                true
            }
            Command::Reload(config) => {
                self.reload(*config, now);
                true
            }
            Command::ReloadSources(sources) => {
                self.reload(EngineConfig { sources, ..self.config.clone() }, now);
                true
            }
        };
        if !found {
            let names = self.sources.list.iter().map(|source| source.name.clone()).collect();
            return Err(CommandError::NoSuchSource(names));
        }
        self.handle_timeout(now);
        Ok(())
    }

    /// Whether a client of this address is served.
    pub fn serves(&self, client: IpAddr) -> bool {
        self.config.serve.as_ref().is_some_and(|serve| Access::new(&serve.access).allows(client))
    }

    /// Goes on with the sources as they are now.
    fn adopt_sources(&mut self, now: Now) {
        self.sources.apply(self.config.selection.authentication);
        self.config.sources = self.sources.configs();
        self.system.reconfigure(&self.config, &self.sources);
        let mut turn = turn!(self, now);
        self.system.refresh(&self.sources, &mut self.local, &self.clock, &mut turn);
    }

    fn set_access(&mut self, rule: AccessRule, whole: bool) -> Result<(), CommandError> {
        let Some(serve) = self.config.serve.as_mut() else {
            return Err(CommandError::NotEnabled("no port is open for clients"));
        };
        let network = Access::new(&[AccessRule { allow: true, ..rule }]);
        let kept = |old: &AccessRule| {
            let same = old.network == rule.network && old.prefix_len == rule.prefix_len;
            let part = whole && old.prefix_len >= rule.prefix_len && network.allows(old.network);
            !same && !part
        };
        if serve.access.iter().filter(|old| kept(old)).count() >= MAX_RULES {
            return Err(CommandError::TooMany);
        }
        serve.access.retain(kept);
        serve.access.push(rule);
        self.configure_responder();
        Ok(())
    }

    /// Another configuration; sources that were added at run time stay.
    fn reload(&mut self, mut config: EngineConfig, now: Now) {
        config.sources.extend(self.sources.added());
        self.config = config;
        let config = &self.config;
        let mut turn = turn!(self, now);
        self.sources.reload(&config.sources, config.selection.authentication, &mut turn);
        self.system.reconfigure(config, &self.sources);
        self.system.judge_strictly(&mut self.sources, &self.clock, &mut turn);
        self.local.reconfigure(config.local.clone());
        self.manual.enable(config.clock.manual);
        self.system.refresh(&self.sources, &mut self.local, &self.clock, &mut turn);
        self.configure_responder();
    }
}
