#!/bin/sh
# Sets the service up on Debian 12, from this folder, /opt/intake. Run it again after each update: it is safe to repeat, and
# leaves keys, instance, certificates and the operators' onion as they are.
set -eu
cd "$(dirname "$0")/.."
[ "$PWD" = /opt/intake ] || { echo "This folder must be /opt/intake, as the units say; it is $PWD."; exit 1; }
[ "$(id -u)" = 0 ] || { echo "Run this as root."; exit 1; }
umask 022

echo "The program, with what it needs, each part by its digest …"
make --silent .venv/run.ready scripts
.venv/bin/python -m compileall -q intake .venv/lib
mkdir -p dist
.venv/bin/python deploy/nginx/error_page.py > dist/error.html

# What runs of an older version goes on until here. At an update people see the page above for a moment.
running=$(systemctl is-active intake.target || true)
if [ "$running" = active ]; then
  systemctl stop intake-site.socket intake-evidence.socket intake-site.service intake-evidence.service
fi

echo "Users and folders …"
install -D -m 644 deploy/sysusers.conf /etc/sysusers.d/intake.conf
install -D -m 644 deploy/tmpfiles.conf /etc/tmpfiles.d/intake.conf
systemd-sysusers intake.conf
systemd-tmpfiles --create intake.conf
install -m 755 deploy/intake.sh /usr/local/sbin/intake

echo "tor …"
install -m 644 deploy/tor/torrc /etc/tor/torrc
install -D -m 644 deploy/apparmor/system_tor /etc/apparmor.d/local/system_tor
install -D -m 644 deploy/apparmor/intake /etc/apparmor.d/intake
if [ -d /sys/kernel/security/apparmor ]; then
  apparmor_parser --replace /etc/apparmor.d/system_tor /etc/apparmor.d/intake
fi

echo "Units …"
# Debian's own nginx service would open port 80, and keep logs.
systemctl disable --quiet --now nginx.service
install -m 644 deploy/systemd/*.target deploy/systemd/*.socket deploy/systemd/*.service deploy/systemd/*.timer /etc/systemd/system/
install -D -m 644 deploy/systemd/intake-.service.d/hardening.conf -t /etc/systemd/system/intake-.service.d
systemctl daemon-reload

if [ "$running" = active ]; then
  intake init
  systemctl restart intake.target intake-onion.service
  systemctl try-restart intake-clearnet.service
fi
echo "Done."
