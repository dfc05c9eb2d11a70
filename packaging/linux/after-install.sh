#!/bin/sh
# After the files are there, for deb and rpm. DPKG_ROOT is set by whoever installs into another root.
set -eu
root="${DPKG_ROOT:-}"
app=/opt/${sanitizedProductName}

# The command people type. It finds its own folder through the link.
mkdir -p "$root/usr/bin"
ln -sfn "$app/resources/bin/lakepass" "$root/usr/bin/lakepass"

# Chromium's sandbox needs user namespaces, or else this one helper with the rights of root.
if [ -e "$root$app/chrome-sandbox" ]; then
  if [ -L /proc/self/ns/user ] && unshare --user true 2>/dev/null; then mode=0755; else mode=4755; fi
  chmod "$mode" "$root$app/chrome-sandbox"
fi

# What follows speaks to the running system.
[ -z "$root" ] || exit 0

if command -v update-desktop-database >/dev/null; then update-desktop-database /usr/share/applications || true; fi

# Ubuntu 24 and later grant user namespaces by AppArmor profile; older ones cannot read this profile and need none.
profile="$app/resources/apparmor-profile"
target=/etc/apparmor.d/${executable}
if apparmor_status --enabled >/dev/null 2>&1 && apparmor_parser --skip-kernel-load --debug "$profile" >/dev/null 2>&1; then
  cp -f "$profile" "$target"
  if ! { [ -x /usr/bin/ischroot ] && /usr/bin/ischroot; }; then
    apparmor_parser --replace --write-cache --skip-read-cache "$target" || true
  fi
fi
