#!/bin/sh
# /usr/local/sbin/intake: runs a command of the service as the service's user, with its settings.
set -eu
set -a
. /opt/intake/deploy/environment
set +a
case " $* " in
  # Looks at tor, nginx and systemd as root first, and then becomes the service's user by itself.
  *" --deploy "*) exec /opt/intake/.venv/bin/intake "$@" ;;
esac
exec runuser -u intake -- /opt/intake/.venv/bin/intake "$@"
