#!/usr/bin/env bash
# Brings the programs that the second layer of tests runs against, from Debian's packages, into target/fetched.
# Nothing is installed but QEMU and a few tools; the NTP programs conflict with each other, so they are only unpacked.
# Needs Debian or a derivative, and root.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/target/fetched
mkdir -p "$out/debs"

need=()
command -v qemu-system-x86_64 >/dev/null || need+=(qemu-system-x86)
command -v cpio >/dev/null || need+=(cpio)
command -v mmdebstrap >/dev/null || need+=(mmdebstrap)
command -v ip >/dev/null || need+=(iproute2)
command -v setpriv >/dev/null || need+=(util-linux)
command -v systemd-analyze >/dev/null || need+=(systemd)
[ -x /usr/bin/busybox ] || [ -x /bin/busybox ] || need+=(busybox-static)
# The shared libraries that the unpacked programs link against.
for library in libedit2 libgnutls30 libnettle8 libseccomp2 libbsd0 libssl3 libcap2; do
  dpkg-query -W "$library" >/dev/null 2>&1 || need+=("$library")
done
[ -x /usr/bin/python3 ] || need+=(python3-minimal)
apt-get update -qq
if [ ${#need[@]} -gt 0 ]; then
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}"
fi

# unpack NAME PACKAGE...: the packages' files below target/fetched/NAME.
unpack() {
  local name=$1
  shift
  [ -e "$out/$name/.complete" ] && return
  mkdir -p "$out/$name"
  (cd "$out/debs" && apt-get download -qq "$@")
  for package in "$@"; do
    dpkg -x "$out/debs/${package}_"*.deb "$out/$name"
  done
  touch "$out/$name/.complete"
}

unpack chrony chrony
unpack ntpsec ntpsec python3-ntp
unpack openntpd openntpd
unpack timesyncd systemd-timesyncd
# ntpq looks for its library beside its Python module.
cp "$out"/ntpsec/usr/lib/*/ntp/libntpc.so.1 "$out/ntpsec/usr/lib/python3/dist-packages/ntp/libntpc.so"

# chrony with AES-128-GCM-SIV, and ntpd-rs, are in a later release than the oldest that this runs on. They run with the
# libraries of theirs: a private apt configuration knows that release, and nothing else of this machine does.
later=trixie
unpack_later() {
  [ -e "$out/$later/.complete" ] && return
  local apt=$out/debs/$later
  mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/archives/partial" "$out/$later/bin"
  : >"$apt/status"
  # The mirror that this machine takes its own packages from, if it is a Debian.
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
    grep -v security | sort -u | head -1)
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "${mirror:-http://deb.debian.org/debian}" \
    "$later" /usr/share/keyrings/debian-archive-keyring.gpg >"$apt/sources/$later.sources"
  cat >"$apt/apt.conf" <<END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
END
  (
    export APT_CONFIG=$apt/apt.conf
    apt-get update -qq
    cd "$apt/archives"
    apt-get download -qq chrony ntpd-rs libc6 libgcc-s1 libcap2 libedit2 libbsd0 libmd0 libtinfo6 libseccomp2 \
      libgnutls30t64 libnettle8t64 libhogweed6t64 libgmp10 libp11-kit0 libffi8 libidn2-0 libunistring5 libtasn1-6
    for package in *.deb; do
      dpkg -x "$package" "$out/$later"
    done
  )
  local root=$out/$later program
  for program in usr/sbin/chronyd usr/bin/chronyc usr/bin/ntp-daemon usr/bin/ntp-ctl; do
    printf '#!/bin/sh\nexec %q --library-path %q %q "$@"\n' "$root/usr/lib64/ld-linux-x86-64.so.2" \
      "$root/usr/lib/x86_64-linux-gnu" "$root/$program" >"$root/bin/${program##*/}"
    chmod +x "$root/bin/${program##*/}"
  done
  touch "$root/.complete"
}
unpack_later

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
unpack kernel "$kernel"

# A clean Debian with systemd and chrony, in which packages are installed and removed.
if [ ! -e "$out/debian.tar" ]; then
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mmdebstrap --quiet --format=tar --variant=essential --include=init-system-helpers,systemd,chrony "$release" "$out/debian.tar.part"
  mv "$out/debian.tar.part" "$out/debian.tar"
fi

echo "fetched into target/fetched: chrony, ntpsec, openntpd, timesyncd, $kernel, a clean root; chrony and ntpd-rs of $later"
