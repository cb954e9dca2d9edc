#!/bin/sh
# Prints, as a tar archive, all that makes another machine this service: database, secret, settings, recipients,
# certificate, and the keys of the onions. The service may run meanwhile. Whoever has the archive can be this service:
# let it only be seen by a program that encrypts, as docs/operating.md does.
set -eu
umask 077
folder=$(mktemp -d /var/lib/intake-export/backup.XXXXXX)
trap 'rm -rf "$folder"' EXIT
chown intake: "$folder"
copy="import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', (sys.argv[2],))"
# PostgreSQL makes backups of its own.
if [ -e /var/lib/intake/intake.db ]; then
  runuser -u intake -- /opt/intake/.venv/bin/python -c "$copy" /var/lib/intake/intake.db "$folder/intake.db"
fi
cd /
tar -c --exclude "var/lib/intake/intake.db*" var/lib/intake etc/intake $(ls -d var/lib/tor/intake*) -C "$folder" \
  --transform "s,^intake.db,var/lib/intake/intake.db," $(cd "$folder" && ls)
