//! NTS, for this machine as a client and as a server.

use super::syntax::unsigned;
use super::{Line, Reader, Said};
use crate::import::draft::string;
use crate::import::values::{decimal, duration};
use crate::import::work::At;

/// More files of authorities than these our file does not take.
const MOST_FILES: usize = 16;
const DAY_S: f64 = 86_400.0;

/// What is said about the server for keys.
#[derive(Default)]
pub(super) struct Server {
    certificate: Said<String>,
    private_key: Said<String>,
    port: Said<i64>,
    rotate: Said<f64>,
    /// Keys of `[serve.nts]` that need nothing else.
    plain: Vec<(&'static str, String, At)>,
    files: usize,
}

impl Reader<'_, '_> {
    /// Whether the directive is one of these, and was read.
    pub(super) fn nts(&mut self, line: &Line<'_>) -> bool {
        let at = line.at;
        match line.directive.name {
            "ntsrefresh" => self.later.refresh = Some((line.number(0), at)),
            "nosystemcert" => self.work.set("nts", "system_certificates", "false".into(), at),
            "nocerttimecheck" => match line.integer(0) {
                0 => self.work.set("nts", "certificate_time", "\"strict\"".into(), at),
                _ => {
                    self.by_table(at, "", line.directive.capability);
                    self.work.set("nts", "certificate_time", "\"ladder\"".into(), at);
                    let text = "for chronyd, a certificate that ended long ago, and may have been stolen, is as good as any";
                    self.work.danger(at, text);
                }
            },
            "ntstrustedcerts" => self.trusted(line),
            "ntsservercert" => {
                let second = self.later.nts.certificate.is_some();
                self.one_file(at, second);
                self.later.nts.certificate.get_or_insert((line.word(0).to_owned(), at));
            }
            "ntsserverkey" => {
                let second = self.later.nts.private_key.is_some();
                self.one_file(at, second);
                self.later.nts.private_key.get_or_insert((line.word(0).to_owned(), at));
            }
            "ntsport" => self.later.nts.port = Some((line.integer(0), at)),
            "ntsrotate" => self.later.nts.rotate = Some((line.number(0), at)),
            "maxntsconnections" => {
                let value = line.integer(0).clamp(1, 10_000).to_string();
                self.later.nts.plain.push(("max_connections", value, at));
            }
            "ntsntpserver" => self.later.nts.plain.push(("ntp_server", string(line.word(0)), at)),
            "ntsratelimit" => {
                let interval =
                    self.limits(line).and_then(|limits| limits.interval).unwrap_or(6).clamp(-30, 30);
                let rate = 2f64.powi(-i32::try_from(interval).unwrap_or(6)).clamp(0.1, 100_000.0);
                self.later.nts.plain.push(("max_rate", decimal(rate), at));
            }
            _ => return false,
        }
        true
    }

    fn one_file(&mut self, at: At, second: bool) {
        if second {
            self.work.not_yet(at, "there is one certificate with one key: the first");
        } else {
            self.work.keep(at);
        }
    }

    fn trusted(&mut self, line: &Line<'_>) {
        let (set, path) = match line.words.as_slice() {
            [path] => ("0", *path),
            [set, path] => (*set, *path),
            _ => return,
        };
        let paths = match self.work.files.list(path) {
            Ok(mut names) => {
                names.sort_unstable();
                names.retain(|name| [".pem", ".crt", ".cer"].iter().any(|end| name.ends_with(end)));
                self.work.change(line.at, "the files that are in the folder now are named one by one");
                names.iter().map(|name| format!("{}/{name}", path.trim_end_matches('/'))).collect()
            }
            Err(_) => vec![path.to_owned()],
        };
        for path in paths {
            if self.later.nts.files >= MOST_FILES {
                self.work.impossible(
                    line.at,
                    format!("at most {MOST_FILES} files of authorities: put them into one"),
                );
                break;
            }
            self.later.nts.files += 1;
            self.work.draft.push("nts", "trusted_certificates", string(&path), Some(line.at));
        }
        self.work.keep(line.at);
        if unsigned(set) != Some(0) {
            self.work.change(
                line.at,
                "its authorities are believed for every source, not for those of the set only",
            );
        }
    }

    /// `[serve.nts]`, if there is a certificate.
    pub(super) fn finish_nts_server(&mut self) {
        let server = std::mem::take(&mut self.later.nts);
        let ((certificate, at), (key, key_at)) =
            match (server.certificate.clone(), server.private_key.clone()) {
                (Some(certificate), Some(key)) => (certificate, key),
                (Some((_, at)), None) | (None, Some((_, at))) => {
                    self.work.impossible(at, "a certificate and its key go together");
                    self.later.nts = server;
                    return self.no_nts_server("there is no certificate with its key");
                }
                (None, None) => {
                    self.later.nts = server;
                    return self.no_nts_server("there is no certificate for serving with NTS");
                }
            };
        self.work.set("serve.nts", "certificate", string(&certificate), at);
        self.work.set("serve.nts", "private_key", string(&key), key_at);
        for (key, value, at) in server.plain {
            self.work.set("serve.nts", key, value, at);
        }
        if let Some((port, at)) = server.port {
            self.work.keep(at);
            if port != 4460 {
                let any = ["0.0.0.0", "[::]"];
                for address in any {
                    let value = string(&format!("{address}:{port}"));
                    self.work.draft.push("serve.nts", "listen", value, Some(at));
                }
            }
        }
        match server.rotate {
            Some((0.0, at)) => {
                let text = "keys that chronyd's own file brings are not read; share `serve.nts.key_ring` between servers instead";
                self.work.impossible(at, text);
            }
            Some((seconds, at)) => {
                let value = seconds.clamp(60.0, 365.0 * DAY_S);
                self.work.set("serve.nts", "rotate", duration(value), at);
                if value != seconds {
                    self.work.change(at, "from a minute to a year is possible");
                }
            }
            // What chronyd does when nothing is said.
            None => _ = self.work.draft.set("serve.nts", "rotate", duration(7.0 * DAY_S), None),
        }
    }

    /// Lines about a server that there is not.
    pub(super) fn no_nts_server(&mut self, why: &str) {
        let server = std::mem::take(&mut self.later.nts);
        let said = [
            server.certificate.map(|(_, at)| at),
            server.private_key.map(|(_, at)| at),
            server.port.map(|(_, at)| at),
            server.rotate.map(|(_, at)| at),
        ];
        let plain = server.plain.into_iter().map(|(_, _, at)| at);
        for at in said.into_iter().flatten().chain(plain) {
            self.work.void(at, why);
        }
    }
}
