#!/usr/bin/env bash
# usage: make_samples.sh FRAZIL COUNT FOLDER
#
# Writes made_up_1.csv.gz ... made_up_COUNT.csv.gz to FOLDER, in the shape of the real files: the loci of IMR90 with one in seventeen
# missing, coverage 0 to 39, beta values to two decimals, empty where the coverage is 0. The numbers are arithmetic on position and sample,
# so that every run writes the same files.
set -euo pipefail
frazil=$1 count=$2 folder=$3
source_file=$(cd "$(dirname "$0")" && pwd)/data/imr90_r1.csv.gz
mkdir -p "$folder"
for ((sample = 1; sample <= count; sample++)); do
  "$frazil" --format csv --output "$folder/made_up_$sample.csv" -c "
    SELECT chromosome, \"start\", \"end\",
           CASE WHEN coverage > 0 THEN CAST((\"start\" * 31 + $sample * 1009) % 10001 AS decimal(7, 2)) / DECIMAL '100.00' END AS beta_value,
           coverage
    FROM (SELECT chromosome, \"start\", \"end\", (\"start\" * 7 + $sample * 13) % 40 AS coverage FROM read_csv('$source_file'))
    WHERE (\"start\" + $sample) % 17 <> 0"
  # Results as csv quote every value, as Athena does; the pipeline writes plain fields.
  tr -d '"' <"$folder/made_up_$sample.csv" | gzip -n >"$folder/made_up_$sample.csv.gz"
  rm "$folder/made_up_$sample.csv"
done
