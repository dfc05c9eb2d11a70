#!/bin/bash
# stopwatch.bash COUNT A… -- B…
# Runs two commands in turn COUNT times and prints, per line, how long each took in microseconds. A shell starts programs
# faster than Node does, so less of its own time is in both numbers. Ends with an error when a command does.
set -eu
count=$1
shift
a=()
while [ "$1" != -- ]; do
  a+=("$1")
  shift
done
shift
b=("$@")
for ((round = 0; round < count; round++)); do
  t0=${EPOCHREALTIME/./}
  "${a[@]}" >/dev/null
  t1=${EPOCHREALTIME/./}
  "${b[@]}" >/dev/null
  t2=${EPOCHREALTIME/./}
  echo "$((t1 - t0)) $((t2 - t1))"
done
