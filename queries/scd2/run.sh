#!/usr/bin/env bash
# usage: run.sh FRAZIL FOLDER
#
# Loads two days, the second one twice, in both ways; standard output is that of expected.txt beside this script.
set -euo pipefail
frazil=$(realpath "$1")
mkdir -p "$2"
folder=$(cd "$2" && pwd)
story=$(cd "$(dirname "$0")" && pwd)

say() { printf '\n== %s\n' "$*" >&2; }

# step NOW SCRIPT [DAY]
step() {
  local script
  script=$(sed "s|:day|${3:-}|" "$story/$2")
  printf '%s' "$script" | "$frazil" --warehouse "$folder/warehouse" --mount "s3://example-crm=$folder/lake" --now "$1" --seed "${2%%_*}"
}

for way in 02_load.sql 03_one_merge.sql; do
  rm -rf "$folder/lake" "$folder/warehouse"
  mkdir -p "$folder/lake"
  cp -r "$story/landing" "$folder/lake/landing"
  echo "== $way"
  step 2026-01-05T09:00:00Z 01_dimension.sql
  step 2026-01-05T09:00:00Z "$way" 2026-01-05
  step 2026-01-06T09:00:00Z "$way" 2026-01-06
  say "the second day once more: nothing changes"
  step 2026-01-06T10:00:00Z "$way" 2026-01-06
  step 2026-01-06T11:00:00Z 04_history.sql
done
step 2026-01-06T11:00:00Z 05_lost_changes.sql
