//! `statsdir`, `statistics` and `filegen`.

use super::Reader;
use crate::import::draft::string;
use crate::import::work::At;

/// The files of ntpd that are written here.
const FILES: &[&str] = &["loopstats", "peerstats", "rawstats", "sysstats"];

impl Reader<'_, '_> {
    pub(super) fn statistics(&mut self, at: At, words: &[&str]) {
        self.work.keep(at);
        for word in words {
            match FILES.iter().find(|file| *file == word) {
                Some(file) => self.logs.push((*file, at)),
                None if *word == "clockstats" => {
                    let why = "there are no reference clocks yet that it could tell of";
                    self.work.not_yet(at, format!("`clockstats`: {why}"));
                }
                None => self.work.not_yet(at, format!("`{word}`: no such file is written")),
            }
        }
    }

    pub(super) fn filegen(&mut self, at: At, words: &[&str]) {
        let [name, rest @ ..] = words else { return self.work.wrong(at, "`filegen` needs a name") };
        if rest.contains(&"disable") {
            return self.work.keep(at);
        }
        self.statistics(at, &[*name]);
        let after =
            |key: &str| rest.windows(2).find(|pair| pair.first() == Some(&key)).and_then(|pair| pair.get(1));
        if after("type").is_some_and(|kind| *kind != "day") {
            self.work.change(at, "`type`: there is a new file every day");
        }
        if after("file").is_some_and(|file| file != name) {
            self.work.change(at, "`file`: the file has the name of what is in it");
        }
    }

    /// `[logs]`, where there is a folder and something to write.
    pub(super) fn finish_logs(&mut self) {
        let logs = std::mem::take(&mut self.logs);
        match self.log_folder.take() {
            Some((folder, at)) if !logs.is_empty() => {
                let folder = if folder.len() > 1 { folder.trim_end_matches('/') } else { &folder };
                self.work.set("logs", "dir", string(folder), at);
                for (file, at) in logs {
                    self.work.draft.push("logs", "files", string(file), Some(at));
                }
            }
            Some((_, at)) => self.work.void(at, "nothing is asked for that could be written there"),
            None => {
                for (_, at) in logs {
                    self.work.void(at, "there is no `statsdir`, so nothing is written");
                }
            }
        }
    }
}
