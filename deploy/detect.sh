#!/bin/sh
# Says whether this device is as IT wants it, for the detection or compliance rule of an MDM product. One line, and:
#   0  Lakepass is installed, the managed settings are safe, and the agent is enrolled at revision N or later
#   1  Lakepass is not installed
#   2  the managed settings are missing, or somebody other than an administrator could have written them
#   3  no agent of the person answers
#   4  the agent is not enrolled, is enrolled at an older revision, or the device is revoked
#  64  wrong use
#
# detect.sh [--revision N] [--user NAME] [--program FILE] [--file FILE] [--owner UID] [--top FOLDER]
#   --user     as root: whose agent is asked; left out: that of whoever runs this
#   --program  the lakepass command; --file, --owner, --top: the settings, who may have written them, the highest folder looked at
#
# The agent that answers is the person's own program: take this for a report, and the signed device record for evidence.
set -u

revision=1
user=
program=/usr/bin/lakepass
file=/etc/lakepass/managed.json
owner=0
top=/

usage() {
  echo "detect.sh: $1" >&2
  exit 64
}
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || usage "$1 needs a value"
  case $1 in
    --revision) revision=$2 ;;
    --user) user=$2 ;;
    --program) program=$2 ;;
    --file) file=$2 ;;
    --owner) owner=$2 ;;
    --top) top=$2 ;;
    *) usage "$1 is not known" ;;
  esac
  shift 2
done
case $revision in '' | *[!0-9]*) usage '--revision takes a number' ;; esac
case $file in /*) ;; *) usage '--file takes a whole path' ;; esac

fail() {
  echo "not compliant: $2"
  exit "$1"
}

[ -x "$program" ] || fail 1 "$program is not installed"

# Of the owner, of the kind, and nobody else writes it. -prune: the thing itself, not what is in it; a link is no file and no folder.
is_safe() {
  [ -n "$(find "$1" -prune -type "$2" -user "$owner" ! -perm -0020 ! -perm -0002 2>/dev/null)" ]
}
[ -e "$file" ] || fail 2 "$file is missing"
is_safe "$file" f || fail 2 "$file could have been written by somebody else"
folder=$file
while [ "$folder" != "$top" ] && [ "$folder" != / ]; do
  folder=$(dirname "$folder")
  is_safe "$folder" d || fail 2 "$folder could have been written by somebody else"
done

ask() {
  if [ -z "$user" ]; then
    "$program" status --json --no-start
  else
    uid=$(id -u -- "$user") || return 1
    runuser -u "$user" -- env -i HOME="$(getent passwd "$user" | cut -d: -f6)" XDG_RUNTIME_DIR="/run/user/$uid" PATH=/usr/bin:/bin \
      "$program" status --json --no-start
  fi
}
status=$(ask 2>/dev/null) || fail 3 'no agent answers'

# What stands in "managed" of the answer itself, without what is nested in it: neither a name nor a part within it can speak for it.
# A quotation mark within a text is escaped in JSON, so names are found as names alone.
managed=$(printf '%s' "$status" | tr -d '\n\r' | LC_ALL=C awk '{
  for (at = 1; at <= length($0); at++) {
    c = substr($0, at, 1)
    shown = c
    if (inText) {
      if (c == "\\") { at++; shown = c substr($0, at, 1) }
      if (c == "\"") inText = 0
      else name = name shown
    } else if (c == "\"") { inText = 1; name = "" }
    else if (c == "{" || c == "[") {
      depth++
      if (depth == 2 && c == "{" && name == "managed") { inside = 1; continue }
    } else if (c == "}" || c == "]") {
      depth--
      if (depth == 1) inside = 0
    } else if (c == "," && depth == 1) name = ""
    if (inside && depth == 2) printf "%s", shown
  }
}')
[ -n "$managed" ] || fail 4 'the agent is not enrolled'
case $managed in *'"revoked": false'* | *'"revoked":false'*) ;; *) fail 4 'the device is revoked' ;; esac
has=$(printf '%s' "$managed" | sed -n 's/.*"revision":[[:space:]]*\([0-9][0-9]*\).*/\1/p')
[ -n "$has" ] || fail 4 'the agent does not say its revision'
[ "$has" -ge "$revision" ] || fail 4 "revision $has is older than $revision"

echo "compliant: enrolled at revision $has"
