//! Requests that want something done.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use truechimer_engine::config::{AccessRule, LocalConfig, StepPolicy};
use truechimer_engine::report::SourceReport;
use truechimer_engine::{Command, SourceChange, Which};
use truechimer_time::PollExponent;

use super::monitor::is_twin;
use super::source::configure;
use super::{Action, Daemon};
use crate::chronyc::arguments::{Access, Local, SelectOptions, StepLimit};
use crate::chronyc::reply::Status;
use crate::chronyc::request::Body;
use crate::chronyc::{Address, Timestamp, flags, select};

/// What a request comes to.
pub(super) enum Wanted {
    /// To be shown something.
    Look(Body),
    /// That a typed time is taken.
    Typed(Timestamp),
    /// That something is done.
    Act(Vec<Action>),
}

fn engine(command: Command) -> Result<Wanted, Status> {
    Ok(Wanted::Act(vec![Action::Engine(command)]))
}

fn act(action: Action) -> Result<Wanted, Status> {
    Ok(Wanted::Act(vec![action]))
}

/// Sorts a request; what it asks is checked here, and what this daemon cannot do is refused.
pub(super) fn wanted(body: Body, daemon: &mut dyn Daemon) -> Result<Wanted, Status> {
    match body {
        Body::Online(sources) => {
            let which = network(sources.address, sources.mask, daemon)?;
            engine(Command::Switch { which, online: true })
        }
        Body::Offline(sources) => {
            let which = network(sources.address, sources.mask, daemon)?;
            engine(Command::Switch { which, online: false })
        }
        Body::Burst(burst) => engine(Command::BurstAt(network(burst.address, burst.mask, daemon)?)),
        Body::AddSource(new) => engine(Command::Add(Box::new(configure(&new)?))),
        Body::DeleteSource(address) => engine(Command::Remove(one(address, daemon)?)),
        Body::Refresh(()) => engine(Command::Refresh),
        Body::ResetSources(()) => engine(Command::Reset),
        Body::MakeStep(()) => engine(Command::Step),
        Body::ModifyMakeStep(limit) => engine(Command::SetStepPolicy(step_policy(&limit, daemon)?)),
        Body::Local(local) => engine(Command::SetLocal(local_reference(&local, [0.0; 3])?)),
        Body::LocalSince47(local) => {
            let more = [local.activate, local.wait_synced, local.wait_unsynced];
            engine(Command::SetLocal(local_reference(&local.local, more)?))
        }
        Body::SetTime(time) => Ok(Wanted::Typed(time)),
        Body::Manual(0) => engine(Command::AllowTyped(false)),
        Body::Manual(1) => engine(Command::AllowTyped(true)),
        Body::Manual(2) => engine(Command::ForgetTyped(None)),
        Body::Manual(_) => Err(Status::Invalid),
        Body::ManualDelete(index) => {
            let index = usize::try_from(index).map_err(|_| Status::BadSample)?;
            engine(Command::ForgetTyped(Some(index)))
        }
        Body::Allow(access) => set_access(&access, true, false),
        Body::AllowAll(access) => set_access(&access, true, true),
        Body::Deny(access) => set_access(&access, false, false),
        Body::DenyAll(access) => set_access(&access, false, true),
        Body::CheckAccess(address) => Err(verdict(address, |client| daemon.serves(client))),
        Body::CheckCommandAccess(address) => Err(verdict(address, |client| daemon.lets_monitor(client))),
        Body::ReloadSources(()) => act(Action::ReloadSources),
        Body::Rekey(()) => act(Action::Reload),
        Body::Dump(_) => act(Action::Save),
        Body::CycleLogs(()) => act(Action::CycleLogs),
        Body::OnOffline(()) => act(Action::OnOffline),
        Body::Shutdown(()) => act(Action::Shutdown),
        body => change(body, daemon),
    }
}

/// Other options for one source, or nothing that is done.
fn change(body: Body, daemon: &mut dyn Daemon) -> Result<Wanted, Status> {
    let (address, change) = match body {
        Body::ModifyMinPoll(new) => (new.address, SourceChange::MinPoll(poll(new.value)?)),
        Body::ModifyMaxPoll(new) => (new.address, SourceChange::MaxPoll(poll(new.value)?)),
        Body::ModifyMaxDelay(new) => (new.address, SourceChange::MaxDelay(positive(new.value)?)),
        Body::ModifyMaxDelayRatio(new) => (new.address, SourceChange::MaxDelayRatio(positive(new.value)?)),
        Body::ModifyMinStratum(new) => (new.address, SourceChange::MinStratum(stratum(new.value)?)),
        Body::ModifyOffset(new) => (new.address, SourceChange::Offset(finite(new.offset)?)),
        Body::ModifySelectOptions(new) => (new.address, select(&new)),
        Body::WriteRtc(()) | Body::TrimRtc(()) | Body::RtcReport(()) => return Err(Status::NoRtc),
        Body::Smoothing(())
        | Body::SmoothTime(_)
        | Body::ModifyMaxUpdateSkew(_)
        | Body::ModifyPollTarget(_)
        | Body::ModifyMaxDelayDevRatio(_)
        | Body::Reselect(())
        | Body::ReselectDistance(_)
        | Body::ChangeFrequency(_)
        | Body::ChangeOffset(_)
        | Body::CommandAllow(_)
        | Body::CommandAllowAll(_)
        | Body::CommandDeny(_)
        | Body::CommandDenyAll(_) => return Err(Status::NotEnabled),
        body => return Ok(Wanted::Look(body)),
    };
    engine(Command::Change(one(address, daemon)?, change))
}

/// The source at an address, or of a number if its address is not known.
fn one(address: Address, daemon: &mut dyn Daemon) -> Result<Which, Status> {
    match address {
        Address::Ip(address) => Ok(Which::address(address)),
        Address::Id(id) => {
            let place = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
            let report = daemon.report();
            let source = place.and_then(|place| report.sources.get(place));
            let numbered = |source: &&SourceReport| source.address.is_none() || is_twin(id, &report);
            let source = source.filter(numbered).ok_or(Status::NoSuchSource)?;
            Ok(Which::Named(source.name.clone()))
        }
        Address::Unspecified => Err(Status::NoSuchSource),
    }
}

fn network(address: Address, mask: Address, daemon: &mut dyn Daemon) -> Result<Which, Status> {
    match (address, mask) {
        (Address::Unspecified, _) => Ok(Which::All),
        (Address::Ip(address), Address::Ip(mask)) if address.is_ipv4() == mask.is_ipv4() => {
            Ok(Which::Network { address, mask })
        }
        (address, _) => one(address, daemon),
    }
}

pub(super) fn poll(exponent: i32) -> Result<PollExponent, Status> {
    i8::try_from(exponent).ok().and_then(PollExponent::new).ok_or(Status::Invalid)
}

/// One that a source is raised to; 16 and more are no time.
pub(super) fn stratum(value: impl TryInto<u8>) -> Result<u8, Status> {
    value.try_into().ok().filter(|stratum| *stratum < 16).ok_or(Status::Invalid)
}

pub(super) fn positive(value: f64) -> Result<f64, Status> {
    if value > 0.0 { Ok(value) } else { Err(Status::Invalid) }
}

fn finite(value: f64) -> Result<f64, Status> {
    if value.is_finite() { Ok(value) } else { Err(Status::Invalid) }
}

/// `chronyc` says in one numbering which options it means, and in another what they shall be.
fn select(new: &SelectOptions) -> SourceChange {
    let option = |bit: u16, flag| (new.mask & u32::from(bit) != 0).then_some(new.options & flag != 0);
    SourceChange::Select {
        prefer: option(select::PREFER, flags::PREFER),
        noselect: option(select::NOSELECT, flags::NOSELECT),
        trust: option(select::TRUST, flags::TRUST),
        require: option(select::REQUIRE, flags::REQUIRE),
    }
}

/// chrony counts from now on, the engine from the start.
fn step_policy(limit: &StepLimit, daemon: &mut dyn Daemon) -> Result<StepPolicy, Status> {
    let above_s = Some(finite(limit.threshold)?.max(0.0));
    let Ok(more) = u32::try_from(limit.limit) else { return Ok(StepPolicy { above_s, first: None }) };
    let so_far = u32::try_from(daemon.report().system.updates).unwrap_or(u32::MAX);
    Ok(StepPolicy { above_s, first: Some(so_far.saturating_add(more)) })
}

/// The three numbers are those of later clients: an activating distance, and the two times to wait, seconds.
fn local_reference(local: &Local, more: [f64; 3]) -> Result<Option<LocalConfig>, Status> {
    if local.on == 0 {
        return Ok(None);
    }
    let [activate, wait_synced, wait_unsynced] = more;
    let stratum = u8::try_from(local.stratum).ok().filter(|stratum| (1..16).contains(stratum));
    Ok(Some(LocalConfig {
        stratum: stratum.ok_or(Status::Invalid)?,
        orphan: local.orphan != 0,
        takeover_s: Some(finite(local.distance)?.max(0.0)),
        activate_s: (activate > 0.0).then_some(activate),
        wait_synced_s: finite(wait_synced)?.max(0.0),
        wait_unsynced_s: finite(wait_unsynced)?.max(0.0),
        ..LocalConfig::DEFAULT
    }))
}

fn set_access(access: &Access, allow: bool, whole: bool) -> Result<Wanted, Status> {
    let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let rules = match access.address {
        Address::Ip(address) => vec![rule(address, access.prefix_len, allow)?],
        Address::Unspecified => {
            everywhere.into_iter().map(|network| AccessRule { network, prefix_len: 0, allow }).collect()
        }
        Address::Id(_) => return Err(Status::BadSubnet),
    };
    let command = |rule| Action::Engine(Command::SetAccess(rule, whole));
    Ok(Wanted::Act(rules.into_iter().map(command).collect()))
}

fn rule(address: IpAddr, prefix_len: i32, allow: bool) -> Result<AccessRule, Status> {
    let prefix = u32::try_from(prefix_len).map_err(|_| Status::BadSubnet)?;
    let network = match address {
        IpAddr::V4(address) => {
            let host = 32_u32.checked_sub(prefix).ok_or(Status::BadSubnet)?;
            IpAddr::from((address.to_bits() & u32::MAX.checked_shl(host).unwrap_or(0)).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let host = 128_u32.checked_sub(prefix).ok_or(Status::BadSubnet)?;
            IpAddr::from((address.to_bits() & u128::MAX.checked_shl(host).unwrap_or(0)).to_be_bytes())
        }
    };
    Ok(AccessRule { network, prefix_len: prefix as u8, allow })
}

fn verdict(address: Address, allows: impl Fn(IpAddr) -> bool) -> Status {
    match address.ip() {
        Some(client) if allows(client) => Status::AccessAllowed,
        Some(_) => Status::AccessDenied,
        None => Status::InvalidAddressFamily,
    }
}
