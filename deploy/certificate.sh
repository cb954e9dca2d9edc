#!/bin/sh
# certbot runs this with each new certificate: it brings it to where nginx looks, readable for nginx alone.
set -eu
install -m 644 "$RENEWED_LINEAGE/fullchain.pem" /etc/intake/tls/fullchain.pem
install -m 640 -g intake-web "$RENEWED_LINEAGE/privkey.pem" /etc/intake/tls/privkey.pem
systemctl reload-or-restart intake-clearnet.service
