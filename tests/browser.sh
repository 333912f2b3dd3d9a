#!/usr/bin/env bash
# A browser for the tests of what people look at: tests/browser.sh install
set -euo pipefail
[ "${1:?install}" = install ]
! command -v chromium > /dev/null || exit 0
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  chromium fonts-liberation > /dev/null
