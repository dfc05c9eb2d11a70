#!/bin/sh
# After the files are gone, for deb and rpm. deb says `remove` or `purge`, rpm says how many versions stay.
#
# A package does not write in people's home folders, not even on purge: the script runs as root, what it would touch is under the
# control of others, homes may lie on a file server that refuses, and whoever removes a program for all need not own everybody's
# vault. Each person has `lakepass uninstall` for that, which asks about the vault; what stays without it is named here. The autostart
# entry then names a program that is gone, so it starts nothing; the sockets went with the program, and what a crash left lies in
# /run/user, which the system empties.
set -eu
case "${1:-}" in remove | purge | 0) ;; *) exit 0 ;; esac
root="${DPKG_ROOT:-}"
app=/opt/${sanitizedProductName}

if [ "$(readlink "$root/usr/bin/lakepass" 2>/dev/null || true)" = "$app/resources/bin/lakepass" ]; then rm -f "$root/usr/bin/lakepass"; fi

if [ -z "$root" ]; then
  if command -v update-desktop-database >/dev/null; then update-desktop-database /usr/share/applications || true; fi
  target=/etc/apparmor.d/${executable}
  if [ -f "$target" ]; then
    if apparmor_status --enabled >/dev/null 2>&1; then apparmor_parser --remove "$target" || true; fi
    rm -f "$target"
  fi
fi

case "$1" in
  remove | 0)
    printf '%s\n' \
      'Lakepass is removed. What it kept for each person is left to them:' \
      '  ~/.local/share/lakepass    the vault; its key is in the keychain under "lakepass"' \
      '  ~/.local/state/lakepass    the audit log' \
      '  ~/.config/lakepass         configuration and policy' \
      '  ~/.config/autostart        the entry that started Lakepass; it does nothing now'
    ;;
esac
