# shellcheck shell=sh
# Run by mmdebstrap with the finished root as $1.
set -eu

# Tests install nothing, and the archive is the business of the machine that
# made this root.
rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/apt/apt.conf.d/99mmdebstrap

echo netbrk-e2e >"$1/etc/hostname"
printf '127.0.0.1\tlocalhost\n127.0.1.1\tnetbrk-e2e\n' >"$1/etc/hosts"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$1/etc/resolv.conf"

# Every line counts in a test that looks for one.
mkdir -p "$1/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$1/etc/systemd/journald.conf.d/e2e.conf"

chroot "$1" systemctl enable systemd-networkd.service systemd-resolved.service
# Installed for comparison, started by the tests that compare. A boot waits for
# no link, as there is none yet.
chroot "$1" systemctl disable networkd-dispatcher.service systemd-networkd-wait-online.service \
	NetworkManager.service NetworkManager-wait-online.service NetworkManager-dispatcher.service chrony.service
# What wakes up by itself or wants a terminal or the internet.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
	e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer systemd-pstore.service \
	systemd-timesyncd.service getty.target console-getty.service; do
	ln -sf /dev/null "$1/etc/systemd/system/$unit"
done
