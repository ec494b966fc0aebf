//! Starting and ending as scripts and service managers do it: Debian's `chronyd` and ours under that name, each on a machine
//! of its own (namespaces), get the same commands and must end with the same statuses.

use std::path::Path;
use std::process::Command;

use truechimer_tests::layer::fetched;
use truechimer_tests::process::{NO_CLOCK, run};
use truechimer_tests::programs;

use crate::peers::CHRONY;

/// A line for each case: its name, the exit status and what was said.
const SCRIPT: &str = r#"
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir /run/w /run/w/state; cd /run/w
export STATE_DIRECTORY=/run/w/state
ip link set lo up
ln -s "$1" chronyd
echo 'frobnicate 1' >wrong.conf
quiet=('port 0' 'cmdport 0' 'bindcmdaddress /' 'pidfile /run/w/pid')
source='server 127.0.0.1 port 9'
try() {
  local name=$1 status=0; shift
  # A daemon that held on to these descriptors would keep us waiting here.
  said=$(timeout 30 ./chronyd -x -u root "$@" 2>&1 </dev/null) || status=$?
  echo "$name $status" $said
}
seen() { echo "$1" $([[ $2 == "$3" ]] && echo 0 || echo "1 $2, not $3"); }
stop() {
  kill $(<pid)
  for attempt in $(seq 100); do [[ -e pid ]] || break; sleep 0.05; done
  [[ -e pid ]] && status=1 || status=0
  echo "$1 $status"
}
try unknown_option -Z
try option_without_value -f
try missing_file -f /nonexistent/chrony.conf
try wrong_line -f /run/w/wrong.conf
try wrong_line_in_the_foreground -d -f /run/w/wrong.conf
try wrong_timeout -t soon "${quiet[@]}"
try unknown_user -u nosuchuser "${quiet[@]}"
try unwritable_log -l /nonexistent/log "${quiet[@]}"
try unwritable_pid_file "${quiet[@]:0:3}" 'pidfile /nonexistent/pid'
try nobody_to_ask -q "${quiet[@]}"
try nobody_answers -q -t 1 "$source" "${quiet[@]}"
try nobody_answers_q -Q -t 1 "$source" "${quiet[@]}"
try in_the_background -l /run/w/log "$source" "${quiet[@]}"
seen its_name "$(</proc/$(<pid)/comm)" chronyd
seen its_folder "$(readlink /proc/$(<pid)/cwd)" /
seen its_session "$(cut -d' ' -f7 /proc/$(<pid)/stat)" 0
try second "${quiet[@]}"
try second_in_the_foreground -d "${quiet[@]}"
try second_once -q "$source" "${quiet[@]}"
stop end
echo 4000000 >pid
# Without anybody to ask or to answer chronyd ends.
try stale_pid_file "$source" "${quiet[@]}"
stop end_again
"#;

/// The same statuses, case by case.
pub(crate) fn alike() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let theirs = statuses(&fetched().join(CHRONY.daemon), folder.path())?;
    let ours = statuses(&programs::chimerd()?, folder.path())?;
    let mut faults = Vec::new();
    for (theirs, ours) in theirs.iter().zip(&ours) {
        let head = |line: &String| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let said = |line: &String| line.split_whitespace().count() > 2;
        let status = ours.split_whitespace().nth(1).unwrap_or_default();
        // Whoever failed has said why, and a start in the background says nothing.
        if head(theirs) != head(ours) || (status != "0") != said(ours) {
            faults.push(format!("chronyd: {theirs}\nchimerd: {ours}"));
        }
    }
    if theirs.len() != ours.len() || theirs.len() < 20 {
        faults.push(format!("{} cases and {}", theirs.len(), ours.len()));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n\n")) }
}

fn statuses(program: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let script = folder.join("script");
    std::fs::write(&script, SCRIPT).map_err(|e| e.to_string())?;
    let mut command = Command::new(NO_CLOCK[0]);
    command.args(&NO_CLOCK[1..]).args([
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "bash",
        "-eu",
    ]);
    let text = run(command.arg(&script).arg(program))?;
    Ok(text.lines().map(str::to_owned).collect())
}
