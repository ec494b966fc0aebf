//! Hooks of DHCP clients in a clean Debian, ours and chrony's own: what a network names becomes a source while the daemon runs, and
//! goes with the lease. The hooks run as their clients run them, with the environment that these set.

use crate::package::{Machine, expect};

/// A network of its own in which nobody is reached, and `inside`, which runs something in the machine with an environment that
/// is told whole.
const WORLD: &str = r#"
mount -t proc proc @ROOT@/proc
mount --rbind /dev @ROOT@/dev
ip link set lo up
harmless="setpriv --bounding-set=-sys_time --inh-caps=-sys_time"
inside() { chroot @ROOT@ env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
until_true() {
  for attempt in $(seq 100); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "waited in vain for $*" >&2
  return 1
}
"#;

const OURS: &str = r#"
inside install -d -o truechimer -g truechimer /run/truechimer /var/lib/truechimer
$harmless chroot --userspec=truechimer:truechimer @ROOT@ chimerd --observe -f /etc/truechimer/chimer.toml 2>@ROOT@/tmp/journal &
until_true inside chimer sources --json
say() {
  local names
  names=$(inside chimer sources --json | grep -o '"name": *"[^"]*"' | cut -d'"' -f4 | tr '\n' ' ')
  echo "$1: $names($(grep -c 'configuration read again' @ROOT@/tmp/journal || true) reloads)"
}
dhclient() { inside "$@" dash -euc '. /etc/dhcp/dhclient-exit-hooks.d/truechimer'; }
dhcpcd() { inside "$@" dash -euc '. /usr/lib/dhcpcd/dhcpcd-hooks/66-truechimer.conf'; }
manager=/usr/lib/NetworkManager/dispatcher.d/20-truechimer-dhcp
say start
dhclient reason=BOUND interface=eth0 new_ntp_servers='192.0.2.1 time.dhcp.example'
say bound
dhclient reason=RENEW interface=eth0 new_ntp_servers='192.0.2.1 time.dhcp.example'
say renewed
inside DHCP4_NTP_SERVERS=192.0.2.2 DHCP6_DHCP6_NTP_SERVERS=2001:db8::7 $manager eth1 up
say up
inside $manager eth1 hostname
inside $manager
dhclient reason=PREINIT interface=eth0
say nothing
evil='$(touch /tmp/owned) `touch /tmp/owned` ;touch$IFS/tmp/owned "]x 192.0.2.3 -h ../x * 224.0.0.1'
dhclient reason=BOUND interface=eth2 new_ntp_servers="$evil"
dhclient reason=BOUND interface='../eth3;touch /tmp/owned' new_ntp_servers=192.0.2.4 || true
inside DHCP4_NTP_SERVERS=192.0.2.5 $manager '$(touch /tmp/owned)' up || true
say evil
dhcpcd reason=BOUND interface=eth4 new_ntp_servers=192.0.2.6
dhcpcd reason=BOUND6 interface=eth4 new_dhcp6_sntp_servers=2001:db8::6
dhcpcd reason=ROUTERADVERT interface=eth4
say dhcpcd
dhcpcd reason=NOCARRIER interface=eth4
echo nonsense >@ROOT@/run/truechimer-dhcp/broken.toml
dhclient reason=BOUND6 interface=eth0 new_dhcp6_sntp_servers='2001:db8::8'
say broken
dhclient reason=EXPIRE interface=eth0
inside $manager eth1 down
dhclient reason=STOP interface=eth2
dhclient reason=RELEASE6 interface=eth0
say gone
grep -o 'broken.toml:[0-9]*' @ROOT@/tmp/journal | sort -u
ls @ROOT@/tmp/owned 2>/dev/null || echo "nothing was run"
"#;

const CHRONYS: &str = r#"
install -d -o 0 -g _chrony -m 770 @ROOT@/run/chrony 2>/dev/null || install -d -m 777 @ROOT@/run/chrony
$harmless chroot @ROOT@ chronyd -n -x -u _chrony 2>@ROOT@/tmp/journal &
until_true inside chronyc tracking
say() { echo "$1: $(inside chronyc -n -c sources | cut -d, -f3 | tr '\n' ' ')"; }
dhclient() { inside "$@" dash -c '. /etc/dhcp/dhclient-exit-hooks.d/chrony'; }
managers=/usr/lib/NetworkManager/dispatcher.d
say start
dhclient reason=BOUND interface=eth0 new_ntp_servers='192.0.2.1 192.0.2.2'
say bound
inside DHCP4_NTP_SERVERS=192.0.2.3 DHCP6_DHCP6_NTP_SERVERS=2001:db8::3 $managers/20-chrony-dhcp eth1 up
say up
inside $managers/20-chrony-onoffline eth1 up
echo "activity: $(inside chronyc activity | tr '\n' ' ')"
dhclient reason=RELEASE interface=eth0
say released
inside $managers/20-chrony-dhcp eth1 down
say down
"#;

/// Stages and what was said of them.
fn stages(said: &str) -> Vec<(&str, &str)> {
    said.lines().filter_map(|line| line.split_once(": ")).collect()
}

pub(crate) fn ours() -> Result<(), String> {
    let machine = Machine::new()?;
    machine.run(&["dpkg", "--purge", "chrony"])?;
    machine.install("1.0")?;
    let said = machine.live(&(WORLD.to_owned() + OURS))?;
    let pool = "2.pool.ntp.org";
    let named = format!("{pool} 192.0.2.1 time.dhcp.example");
    let both = format!("{named} 192.0.2.2 2001:db8::7");
    let evil = format!("{named} 192.0.2.3 192.0.2.2 2001:db8::7");
    // In the order of the files' names: dhclient, dhcpcd, networkmanager.
    let dhcpcd = format!("{named} 192.0.2.3 192.0.2.6 2001:db8::6 192.0.2.2 2001:db8::7");
    let broken = format!("{named} 192.0.2.3 2001:db8::8 192.0.2.2 2001:db8::7");
    let wanted = [
        ("start", format!("{pool} (0 reloads)")),
        ("bound", format!("{named} (1 reloads)")),
        ("renewed", format!("{named} (1 reloads)")),
        ("up", format!("{both} (2 reloads)")),
        ("nothing", format!("{both} (2 reloads)")),
        ("evil", format!("{evil} (3 reloads)")),
        ("dhcpcd", format!("{dhcpcd} (5 reloads)")),
        ("broken", format!("{broken} (8 reloads)")),
        ("gone", format!("{pool} (12 reloads)")),
    ];
    let found = stages(&said);
    for (stage, names) in &wanted {
        let found = found.iter().find(|(name, _)| name == stage).map(|(_, names)| *names);
        expect(found == Some(names), format!("{stage}: wanted {names}, found {found:?}\n{said}"))?;
    }
    expect(said.contains("broken.toml:1"), format!("a broken file was not told of\n{said}"))?;
    expect(said.ends_with("nothing was run\n"), said)?;

    // The hook of dhclient outlives the package, as files in /etc do.
    machine.run(&["dpkg", "--remove", "truechimer"])?;
    let hook = ". /etc/dhcp/dhclient-exit-hooks.d/truechimer";
    let said = machine.run(&[
        "env",
        "reason=BOUND",
        "interface=eth0",
        "new_ntp_servers=192.0.2.1",
        "dash",
        "-euc",
        hook,
    ])?;
    expect(
        said.is_empty() && !machine.path("run/truechimer-dhcp").exists(),
        format!("a hook without a daemon did something\n{said}"),
    )?;
    machine.run(&["dpkg", "--purge", "truechimer"])?;
    let left = machine.left()?;
    expect(left.is_empty(), left)
}

/// chrony's own hooks, with our daemon in the place of chrony's.
pub(crate) fn chronys() -> Result<(), String> {
    let machine = Machine::new()?;
    machine.install_some("1.0", &["truechimer", "truechimer-chrony"])?;
    let said = machine.live(&(WORLD.to_owned() + CHRONYS))?;
    let all = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::3"];
    for (stage, wanted) in [
        ("start", &all[..0]),
        ("bound", &all[..2]),
        ("up", &all[..]),
        ("released", &all[2..]),
        ("down", &all[..0]),
    ] {
        let found = stages(&said).into_iter().find(|(name, _)| *name == stage).map(|(_, names)| names);
        let found = found.ok_or_else(|| format!("{stage} is missing\n{said}"))?;
        let found: Vec<&str> = found.split(' ').filter(|name| all.contains(name)).collect();
        expect(found == wanted, format!("{stage}: wanted {wanted:?}, found {found:?}\n{said}"))?;
    }
    // Nobody is reached on this network.
    expect(said.contains(" 4 sources offline") && said.contains(" 0 sources online"), said)
}
