#!/usr/bin/env bash
# usage: run.sh FRAZIL FOLDER
#
# Makes a table, erases a person, and looks for the name in the bytes of every file; standard output is that of expected.txt beside this.
set -euo pipefail
frazil=$(realpath "$1")
mkdir -p "$2"
folder=$(cd "$2" && pwd)
story=$(cd "$(dirname "$0")" && pwd)
rm -rf "$folder/warehouse"

step() {
  local now=$1
  shift
  "$frazil" --warehouse "$folder/warehouse" --now "$now" --seed 1 --format csv "$@"
}
holders() {
  local count
  count=$({ grep -rlF 'Zaphod Beeblebrox' "$folder/warehouse" || true; } | wc -l)
  echo "files that hold the name $1: $count"
}

# Uncompressed, so that the name stands in the bytes for everyone to see.
step 2030-03-01T09:00:00Z -c "
  CREATE DATABASE clinic;
  CREATE TABLE clinic.visits (visit bigint, patient string) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_compression' = 'none');
  INSERT INTO clinic.visits
  SELECT n, CASE WHEN n % 50 = 0 THEN 'Zaphod Beeblebrox' ELSE 'patient ' || CAST(n AS varchar) END FROM UNNEST(sequence(1, 1000)) AS u(n);"
holders "before"
step 2030-03-02T09:00:00Z run "$story/erase.sql"
holders "after DELETE"
step 2030-03-08T09:00:00Z run "$story/vacuum.sql"
holders "after VACUUM"
step 2030-03-08T09:00:00Z -c "SELECT count(*) AS visits, count_if(patient LIKE 'Zaphod%') AS of_zaphod FROM clinic.visits"
