//! `nts`, of NTPsec.

use super::Reader;
use crate::import::draft::string;
use crate::import::work::At;
use crate::text::quote;

/// What is said about the server for keys.
#[derive(Default)]
pub(super) struct Server {
    enabled: Option<At>,
    certificate: Option<(String, At)>,
    private_key: Option<(String, At)>,
}

impl Reader<'_, '_> {
    pub(super) fn nts(&mut self, at: At, words: &[&str]) {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            self.work.keep(at);
            let mut value = || words.next().map_or(String::new(), |value| (*value).to_owned());
            match *word {
                "enable" => self.nts.enabled = Some(at),
                "disable" => self.nts.enabled = None,
                "cert" => self.nts.certificate = Some((value(), at)),
                "key" => self.nts.private_key = Some((value(), at)),
                "ca" => {
                    let file = string(&value());
                    self.work.draft.push("nts", "trusted_certificates", file, Some(at));
                    self.work.set("nts", "system_certificates", "false".into(), at);
                }
                "cookie" => {
                    value();
                    let text = "`cookie`: the keys are kept in `serve.nts.key_ring`, in a format of our own";
                    self.work.change(at, text);
                }
                "mintls"
                | "maxtls"
                | "tlsciphersuites"
                | "tlscipherserverpreference"
                | "tlsecdhcurves"
                | "aead" => {
                    value();
                    self.work.ignore(at, format!("`{word}`: TLS 1.3 with its best algorithms is used"));
                }
                _ => return self.work.wrong(at, format!("`nts` has no {}", quote(word))),
            }
        }
    }

    pub(super) fn finish_nts(&mut self) {
        let server = std::mem::take(&mut self.nts);
        let said = [server.certificate.as_ref(), server.private_key.as_ref()];
        let lines: Vec<At> = said.into_iter().flatten().map(|(_, at)| *at).chain(server.enabled).collect();
        match (server.enabled, server.certificate, server.private_key) {
            (Some(_), Some((certificate, at)), Some((key, key_at))) if self.work.draft.has("serve") => {
                self.work.set("serve.nts", "certificate", string(&certificate), at);
                self.work.set("serve.nts", "private_key", string(&key), key_at);
            }
            _ => {
                for at in lines {
                    let text = "keys are exchanged with clients only where `enable`, `cert` and `key` stand and clients are answered";
                    self.work.void(at, text);
                }
            }
        }
    }
}
