//! Control messages of NTP (mode 6, RFC 9327), so that `ntpq` finds here what it knows. Only for looking, and only for this
//! machine itself: an answer is longer than its question, and only a question from the loopback interface cannot be forged
//! to flood somebody else (CVE-2013-5211 is what came of that elsewhere).
//!
//! [`answer`] is the whole of it: a question and a report in, the parts of the answer out.

mod mru;
mod status;
mod variables;

use std::net::IpAddr;

pub use self::mru::Nonces;
pub(crate) use self::status::{leap, source as source_status};
use truechimer_engine::report::{ClientReport, Report};
use truechimer_time::Now;
use truechimer_wire::{CONTROL_DATA_MAX, CONTROL_HEADER_LEN, ControlHeader};

/// Longest question that is looked at, bytes.
pub const QUESTION_MAX: usize = CONTROL_HEADER_LEN + CONTROL_DATA_MAX + 24;

const READ_STATUS: u8 = 1;
const READ_VARIABLES: u8 = 2;
const READ_MRU: u8 = 10;
const REQUEST_NONCE: u8 = 12;

/// What was wrong (RFC 9327 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Format = 2,
    Opcode = 3,
    Association = 4,
    Variable = 5,
    Value = 6,
    Forbidden = 7,
}

/// Codes that change something, or could (RFC 9327 §3.2 and ntpd): write variables, write clock, set trap, configure, save
/// configuration, unset trap. Nobody may use them.
const COMMANDS: [u8; 6] = [3, 5, 6, 8, 9, 31];

/// What a daemon must be able to tell.
pub trait Daemon {
    /// The state at this moment.
    fn report(&mut self) -> Report;

    /// Who asked the server; `None` if that is not to be told here.
    fn clients(&mut self) -> Option<Vec<ClientReport>>;

    /// The time.
    fn now(&self) -> Now;
}

/// The parts of the answer, in the order in which they are to be sent; none if there is nothing to be said.
pub fn answer(question: &[u8], remote: IpAddr, nonces: &Nonces, daemon: &mut dyn Daemon) -> Vec<Vec<u8>> {
    if !remote.to_canonical().is_loopback() || question.len() > QUESTION_MAX {
        return Vec::new();
    }
    let Some((header, data)) = ControlHeader::parse(question) else { return Vec::new() };
    // An answer to an answer would never end.
    if header.response || header.error {
        return Vec::new();
    }
    let answered = match header.opcode {
        _ if header.more || header.offset != 0 => Err(Fault::Format),
        READ_STATUS => read_status(header.association, &daemon.report()),
        READ_VARIABLES => read_variables(header.association, data, &daemon.report()),
        REQUEST_NONCE => match nonces.make(remote, daemon.now().mono) {
            Some(nonce) => Ok((0, format!("nonce={nonce}\r\n").into_bytes())),
            None => Err(Fault::Opcode),
        },
        READ_MRU => {
            let now = daemon.now();
            match mru::read(data, remote, nonces, || daemon.clients(), now) {
                Some(answered) => answered.map(|data| (0, data)),
                None => return Vec::new(),
            }
        }
        command if COMMANDS.contains(&command) => Err(Fault::Forbidden),
        _ => Err(Fault::Opcode),
    };
    let reply = ControlHeader { response: true, ..header };
    match answered {
        Ok((status, data)) => parts(&ControlHeader { status, ..reply }, &data),
        Err(fault) => {
            let status = (fault as u16) << 8;
            vec![ControlHeader { error: true, status, count: 0, ..reply }.write().to_vec()]
        }
    }
}

/// Cuts an answer into messages, each padded to a multiple of four.
fn parts(header: &ControlHeader, data: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let count = data.chunks(CONTROL_DATA_MAX).count().max(1);
    for index in 0..count {
        let offset = index * CONTROL_DATA_MAX;
        let part = data.get(offset..data.len().min(offset + CONTROL_DATA_MAX)).unwrap_or_default();
        let (Ok(offset), Ok(len)) = (u16::try_from(offset), u16::try_from(part.len())) else { break };
        let mut message =
            ControlHeader { more: index + 1 < count, offset, count: len, ..*header }.write().to_vec();
        message.extend_from_slice(part);
        message.resize(message.len().next_multiple_of(4), 0);
        messages.push(message);
    }
    messages
}

fn read_status(association: u16, report: &Report) -> Result<(u16, Vec<u8>), Fault> {
    if association != 0 {
        let source = variables::source(association, report).ok_or(Fault::Association)?;
        return Ok((status::source(source), Vec::new()));
    }
    let mut data = Vec::new();
    for (id, source) in (1_u16..).zip(&report.sources) {
        data.extend(id.to_be_bytes());
        data.extend(status::source(source).to_be_bytes());
    }
    Ok((status::system(report), data))
}

fn read_variables(association: u16, data: &[u8], report: &Report) -> Result<(u16, Vec<u8>), Fault> {
    let names = std::str::from_utf8(data).map_err(|_| Fault::Format)?;
    let wanted: Vec<&str> = names
        .split(',')
        .map(|name| name.trim_matches(|c: char| c.is_whitespace() || c == '\0'))
        .filter(|name| !name.is_empty())
        .collect();
    let (status, all) = if association == 0 {
        let mut all = variables::of_system(report);
        if !wanted.is_empty() {
            all.extend(variables::on_demand(report));
        }
        (status::system(report), all)
    } else {
        let source = variables::source(association, report).ok_or(Fault::Association)?;
        (status::source(source), variables::of_source(source, report))
    };
    let named: Vec<&(&str, String)> = if wanted.is_empty() {
        all.iter().collect()
    } else {
        wanted.iter().filter_map(|wanted| all.iter().find(|(name, _)| name == wanted)).collect()
    };
    if named.is_empty() {
        return Err(Fault::Variable);
    }
    let text: Vec<String> = named.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok((status, (text.join(", ") + "\r\n").into_bytes()))
}

#[cfg(test)]
pub(crate) mod tests;
