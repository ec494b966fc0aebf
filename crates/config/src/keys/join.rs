//! A configuration and its key file brought together.

use std::io;

use truechimer_engine::config::Authentication;

use super::KeyFile;
use crate::rules::{self, Rule};
use crate::{Diagnostic, Parsed};

impl Parsed {
    /// Puts the keys of the file `config.paths.keys` into the configuration. What is said about them is then among
    /// the warnings and what [`lint`](crate::lint) finds.
    ///
    /// # Errors
    /// Sources have keys that are not in the file.
    pub fn take_keys(&mut self, file: KeyFile) -> Result<(), Vec<Diagnostic>> {
        let missing: Vec<Diagnostic> = self
            .config
            .engine
            .sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| match source.options.authentication {
                Authentication::Key(id) if !file.has(id) => Some((index, id)),
                _ => None,
            })
            .map(|(index, id)| {
                let path = self.keys_path();
                let message = format!("key {id} is not in {path}");
                let help =
                    format!("`chimer keygen {id} --file {path}` makes one; the server must have the same");
                self.say(&rules::NO_SUCH_KEY, &format!("source[{index}].key"), message).help(help)
            })
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        self.key_findings.clone_from(&file.findings);
        self.config.engine.keys = file.into_table();
        self.refresh_warnings();
        Ok(())
    }

    /// The finding for a key file that could not be read.
    pub fn keys_unreadable(&self, error: &io::Error) -> Diagnostic {
        let message = format!("cannot read the key file: {error}");
        self.say(&rules::KEYS_UNREADABLE, "keys.file", message).help(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("`chimer keygen --file {}` makes one", self.keys_path())
            }
            io::ErrorKind::PermissionDenied => match &self.config.user {
                Some(user) => format!(
                    "`daemon.user` must be able to read it when the configuration is read again: give it to root and \
                     a group of {user}, with the permissions 640"
                ),
                None => "the daemon's account must be able to read it".to_owned(),
            },
            _ => "is this the right file?".to_owned(),
        })
    }

    /// The finding when whoever checks the configuration may not read the key file, which says nothing of the daemon.
    pub fn keys_unchecked(&self, error: &io::Error) -> Diagnostic {
        let message = format!("the key file was not looked at: {error}");
        self.say(&rules::KEYS_UNCHECKED, "keys.file", message)
            .help("check as root to have it checked as well")
    }

    fn say(&self, rule: &'static Rule, path: &str, message: String) -> Diagnostic {
        Diagnostic::new(rule, &self.document, self.places.of(path), message)
    }

    fn keys_path(&self) -> String {
        self.config.paths.keys.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}
