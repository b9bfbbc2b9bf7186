#!/usr/bin/env bash
# usage: run.sh FRAZIL FOLDER
#
# Tells the story from start to end in a fresh FOLDER; results go to standard output, what is going on to standard error.
# The clock and the ids are fixed, so that standard output is the same every time: expected.txt beside this script.
set -euo pipefail
frazil=$(realpath "$1")
mkdir -p "$2"
folder=$(cd "$2" && pwd)
story=$(cd "$(dirname "$0")" && pwd)
lake=$folder/lake

say() { printf '\n== %s\n' "$*" >&2; }

# step NOW SCRIPT [OPTIONS]: one script at one time of the fixed clock.
step() {
  local now=$1 script=$2
  shift 2
  "$frazil" --warehouse "$folder/warehouse" --mount "s3://example-methylation=$lake" --now "$now" --seed "${script%%_*}" "$@" \
    run "$story/$script"
}

rm -rf "$lake" "$folder/warehouse"
mkdir -p "$lake/raw/batch_id=batch_1"
cp "$story"/data/*.csv.gz "$lake/raw/batch_id=batch_1/"

say "the tables: the pipeline's CSV files as they are, and an Iceberg table in long format"
step 2026-01-05T09:00:00Z 01_tables.sql
say "the first batch: two real samples, 494,728 loci each"
step 2026-01-05T10:00:00Z 02_first_batch.sql
say "the second batch: two made-up samples"
"$story/make_samples.sh" "$frazil" 2 "$lake/raw/batch_id=batch_2"
step 2026-01-12T10:00:00Z 03_second_batch.sql
say "time travel: the table before the second batch"
step 2026-01-12T11:00:00Z 04_time_travel.sql
say "the wide matrix, unloaded to Parquet"
step 2026-01-12T12:00:00Z 05_matrix.sql
say "only the files of one batch are read"
step 2026-01-12T12:30:00Z 06_explain.sql >&2
say "the same matrix with PIVOT, columns found in the data"
step 2026-01-12T13:00:00Z 08_pivot_syntax.sql
say "the head of the matrix"
step 2026-01-12T13:00:00Z 07_head.sql
say "the matrix is in $lake/matrix:"
ls -l "$lake/matrix" >&2
