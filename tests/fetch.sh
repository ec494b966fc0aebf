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
# ntpq looks for its library beside its Python module.
cp "$out"/ntpsec/usr/lib/*/ntp/libntpc.so.1 "$out/ntpsec/usr/lib/python3/dist-packages/ntp/libntpc.so"

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
unpack kernel "$kernel"
echo "fetched into target/fetched: chrony, ntpsec, openntpd, $kernel"
