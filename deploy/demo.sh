#!/bin/sh
# The demonstration behind `make demo`: keys, an instance and the server, all in demo/. Safe to repeat.
set -eu
port=$1
umask 077
desk="--workspace demo/desk/workspace --key demo/desk/demo.key --passphrase-file demo/desk/passphrase"

mkdir -p demo/desk demo/instance demo/stick demo/keys
if [ ! -e demo/keys/demo.pub ]; then
  rm -f demo/desk/demo.*
  [ -e demo/desk/passphrase ] || echo "demonstration only" > demo/desk/passphrase
  .venv/bin/intake-desk keygen demo/desk --name demo --demo --passphrase-file demo/desk/passphrase > /dev/null
  cp demo/desk/demo.pub demo/keys/demo.pub
fi
printf 'keys = "%s/demo/keys"\n' "$PWD" > demo/instance/intake.toml
touch demo/instance/demo
export INTAKE_INSTANCE=demo/instance
.venv/bin/intake init > /dev/null

cat <<TEXT

  Open this address and tell what happened (nothing real, please):

      http://127.0.0.1:$port/

  Then carry a bundle to the desk and read it there, in a second terminal in this folder:

      INTAKE_INSTANCE=demo/instance .venv/bin/intake export demo/stick/bundle.tar
      .venv/bin/intake-desk open demo/stick/bundle.tar $desk
      .venv/bin/intake-desk serve $desk

  The last one prints the address of the review desk, for your browser, once. When it locks itself, its passphrase is
  \`$(cat demo/desk/passphrase)\`. Ctrl-C ends it. Without a browser:

      .venv/bin/intake-desk list $desk
      .venv/bin/intake-desk show ID $desk

  To answer the person, carry it back, and read it on the site with the code of the receipt:

      echo "Thank you." > demo/reply.txt
      .venv/bin/intake-desk reply ID --text-file demo/reply.txt $desk
      .venv/bin/intake-desk dispatch demo/stick/dispatch.tar $desk
      INTAKE_INSTANCE=demo/instance .venv/bin/intake trust demo/desk/demo.sign.pub
      INTAKE_INSTANCE=demo/instance .venv/bin/intake deliver demo/stick/dispatch.tar

  Ctrl-C stops the server. Everything is in demo/; \`rm -r demo\` ends the demonstration.

TEXT
exec .venv/bin/intake run --port "$port"
