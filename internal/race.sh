#!/bin/sh
# Runs a command that uses the race detector. The detector itself (its runtime, in C++) crashes about once in twenty runs of long
# tests in virtual time, with goroutines of testing/synctest: then, and only then, the command is run again, three times at most.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for try in 1 2 3 4; do
  { "$@"; echo $? >"$log.rc"; } 2>&1 | tee "$log"
  rc=$(cat "$log.rc")
  rm -f "$log.rc"
  [ "$rc" = 0 ] && exit 0
  grep -q -e 'ThreadSanitizer: CHECK failed' -e 'ThreadSanitizer:DEADLYSIGNAL' -e 'StackDepot' -e 'FATAL: ThreadSanitizer' -e '^SIGSEGV: segmentation violation' "$log" || exit "$rc"
  [ "$try" = 4 ] || echo "the race detector crashed; once more" >&2
done
exit "$rc"
