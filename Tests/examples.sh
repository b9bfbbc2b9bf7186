#!/usr/bin/env bash
# usage: Tests/examples.sh FRAZIL
#
# Runs every story of queries/ and compares what it prints with expected.txt beside it. Ends with "N passed, N failed".
# FRAZIL_UPDATE=1 writes expected.txt anew; look at the difference before it is committed.
set -uo pipefail
frazil=$(realpath "$1")
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0
for story in queries/*/; do
  name=$(basename "$story")
  if ! "$story/run.sh" "$frazil" "$scratch/$name" >"$scratch/$name.out" 2>"$scratch/$name.err"; then
    echo "FAILED $name"
    tail -n 15 "$scratch/$name.err"
    failed=$((failed + 1))
    continue
  fi
  if [ "${FRAZIL_UPDATE:-}" = 1 ]; then cp "$scratch/$name.out" "$story/expected.txt"; fi
  if diff "$story/expected.txt" "$scratch/$name.out"; then
    passed=$((passed + 1))
  else
    echo "FAILED $name: prints something else than expected.txt"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
