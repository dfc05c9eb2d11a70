#!/bin/sh
# Before the files go, for deb and rpm: ends the program for everybody who runs it. It then closes its socket and its lock by itself, as
# it does on every quit. A new version in place of the old one ends nothing.
set -u
case "${1:-}" in remove | 0) ;; *) exit 0 ;; esac
[ -z "${DPKG_ROOT:-}" ] || exit 0

running() {
  for exe in /proc/[0-9]*/exe; do
    [ "$(readlink "$exe" 2>/dev/null)" = /opt/Lakepass/lakepass-desktop ] || continue
    pid=${exe#/proc/}
    printf '%s\n' "${pid%/exe}"
  done
}

pids=$(running)
[ -n "$pids" ] || exit 0
# shellcheck disable=SC2086 # one word a process
kill -TERM $pids 2>/dev/null
tries=0
while [ -n "$(running)" ] && [ $tries -lt 20 ]; do
  sleep 0.5
  tries=$((tries + 1))
done
exit 0
