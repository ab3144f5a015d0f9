#!/bin/sh
# What the tests need from the system: a browser for the page's tests. Installed when root, else those are skipped.
if command -v chromium >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium for the browser tests"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium fonts-noto-cjk) >/dev/null 2>&1 || echo "chromium can't be installed: the browser tests are skipped"
else
    echo "no chromium and not root: the browser tests are skipped (see the list at the end)"
fi
exit 0
