use std::sync::{Arc, Mutex};

use truechimer_time::NtpDuration;

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn at(seconds: f64) -> Mono {
    Mono::default().after(seconds)
}

#[test]
fn na_27_lines_are_limited_and_the_rest_is_counted() {
    let paper = Paper::default();
    let mut journal = Journal::to(Box::new(paper.clone()));
    for n in 0..10_000 {
        journal.line(at(10.0), Priority::Warning, &format!("garbage {n}"));
    }
    assert_eq!(paper.text().lines().count(), BURST as usize);
    journal.line(at(20.0), Priority::Notice, "quiet again");
    let text = paper.text();
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(last, ["quiet again", "9960 lines were left out"]);
}

#[test]
fn na_27_the_last_words_are_always_said() {
    let paper = Paper::default();
    let mut journal = Journal::to(Box::new(paper.clone()));
    for _ in 0..100 {
        journal.line(at(10.0), Priority::Warning, "garbage");
    }
    journal.last_line(Priority::Notice, "exiting");
    assert!(paper.text().ends_with("60 lines were left out\nexiting\n"), "{}", paper.text());
}

#[test]
fn a_word_from_outside_cannot_start_a_line() {
    let paper = Paper::default();
    let mut journal = Journal::to(Box::new(paper.clone()));
    journal.event(at(0.0), &Event::Selected { source: "a\n<0>b\u{1b}[31m".into() });
    journal.event(at(0.0), &Event::Kiss { source: "s".into(), code: *b"A\nB\x00" });
    assert_eq!(paper.text(), "selected source a?<0>b?[31m\nsource s sent the kiss code A.B.\n");
}

#[test]
fn debug_lines_only_on_demand_and_priorities_only_for_systemd() {
    let paper = Paper::default();
    let mut journal = Journal::to(Box::new(paper.clone()));
    journal.line(at(0.0), Priority::Debug, "unasked");
    journal.verbose = true;
    journal.prefix = Prefix::Priority;
    journal.line(at(0.0), Priority::Debug, "asked");
    journal.event(at(0.0), &Event::Stepped { by: NtpDuration::from_seconds(-1.5) });
    assert_eq!(paper.text(), "<7>asked\n<4>clock stepped by -1.500000 s\n");
}

#[test]
fn lines_in_the_system_s_log_say_who_speaks_and_survive_a_log_that_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut journal = Journal::syslog(&path, "chronyd", false);
    journal.line(at(0.0), Priority::Notice, "nobody listens");
    let heard = |log: &std::os::unix::net::UnixDatagram| {
        log.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        let mut buffer = [0; 600];
        let len = log.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    };
    for text in ["first", "second"] {
        let log = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        journal.line(at(0.0), Priority::Error, text);
        assert_eq!(heard(&log), format!("<27>chronyd[{}]: {text}", std::process::id()));
        std::fs::remove_file(&path).unwrap();
    }
}
