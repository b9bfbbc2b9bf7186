#!/usr/bin/env bash
# Runs every test and ends with one line that counts them: "N passed, N failed".
#
#   1. Swift tests of the modules, debug build            swift test
#   2. SQL logic tests, release build, in all modes       slt Tests/SQLLogicTests/cases
#      The same with Glue and S3, with a REST catalog     Tests/SQLLogicTests/on_servers.py
#   3. Random changes of rows compared with a model       model --statements 200000
#      Faults of the storage, interleaved writers         faults
#   4. The stories of queries/, against expected output   Tests/examples.sh
#   5. Other engines and bad input, through the binary    Tests/Interop/run.py
#   6. 20,000 random queries, compared with DuckDB or     Tests/Differential/differential.py
#      with themselves over rows in three parts
#   7. Mutated statements, which must not trap            Tests/Differential/mutations.py
#
# Steps 2 and 5 to 7 need the Python environment; the S3 servers of steps 1, 2 and 5 come from a second one (.ci/install servers).
#
# Environment: SWIFT the compiler driver, RELEASE its release flags, FRAZIL_VENV the Python environment,
# MODEL_STATEMENTS how many statements step 3 runs.
set -uo pipefail
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
read -ra release <<<"${RELEASE:--c release --static-swift-stdlib}"
python=${FRAZIL_VENV:-$HOME/.cache/frazil/venv}/bin/python
export FRAZIL_SERVERS_PYTHON=${FRAZIL_VENV:-$HOME/.cache/frazil/venv}-servers/bin/python
log=$(mktemp -d)
# What failed, of every step: said once more before the last line, since a long log is often kept by its end only.
failures=$log/failures
: >"$failures"
trap 'rm -rf "$log"' EXIT
passed=0
failed=0

say() { printf '== [%4ds] %s\n' "$SECONDS" "$*"; }

# A step without which nothing after it means anything.
must() {
  say "$1"
  shift
  if ! "$@" >"$log/step" 2>&1; then
    grep -E 'error:|warning: unre' "$log/step" | head -40
    tail -n 20 "$log/step"
    say "failed: $*"
    echo "$passed passed, $((failed + 1)) failed"
    exit 1
  fi
}

# Adds the numbers of a line "N passed, N failed" (the last one of the log) to the totals.
count() {
  local line
  line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1)
  if [ -z "$line" ]; then
    say "no count at the end of $2: it ended early" | tee -a "$failures"
    tail -n 30 "$1" >>"$failures"
    failed=$((failed + 1))
  else
    passed=$((passed + ${line%% passed*}))
    line=${line##* passed, }
    line=${line%% failed}
    failed=$((failed + line))
    if [ "$line" -ne 0 ]; then
      echo "$2:" >>"$failures"
      grep -aiE -A 6 'fail|differ|expected' "$1" | head -80 >>"$failures"
    fi
  fi
}

must "building frazil and slt (release)" "$swift" build "${release[@]}" --product frazil
must "building slt (release)" "$swift" build "${release[@]}" --product slt
must "building the model test (release)" "$swift" build "${release[@]}" --product model
must "building faults (release)" "$swift" build "${release[@]}" --product faults
bin=$("$swift" build "${release[@]}" --show-bin-path)
must "building the tests (debug)" "$swift" build --build-tests

say "swift test"
FRAZIL_BINARY=$bin/frazil FRAZIL_PYTHON=$python "$swift" test --skip-build >"$log/swift" 2>&1
status=$?
grep -aE '^. (Test|Suite) .*(failed|recorded an issue)|^↳|error: |[Ss]kipped' "$log/swift" | head -200 | tee "$log/swift.failures"
# Swift Testing closes with: "Test run with 812 tests in 60 suites passed after 9.1 seconds."
total=$(grep -aoE 'Test run with [0-9]+ tests?' "$log/swift" | grep -oE '[0-9]+' | tail -n 1)
bad=$(grep -aE '^. Test .* failed after ' "$log/swift" | grep -acvE '^. Test run with')
if [ "$status" -ne 0 ]; then
  { echo "swift test:"; cat "$log/swift.failures"; } >>"$failures"
fi
if [ -z "$total" ]; then
  tail -n 30 "$log/swift" | tee -a "$failures"
  say "the test process ended early"
  failed=$((failed + 1))
elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
  tail -n 30 "$log/swift" | tee -a "$failures"
  failed=$((failed + 1))
else
  passed=$((passed + total - bad))
  failed=$((failed + bad))
fi
grep -a 'Test run with' "$log/swift"

say "SQL logic tests"
"$bin/slt" Tests/SQLLogicTests/cases 2>&1 | tee "$log/slt"
count "$log/slt" "the SQL logic tests"
for catalog in glue rest; do
  say "SQL logic tests, the default catalog on a server: $catalog"
  "$python" Tests/SQLLogicTests/on_servers.py "$catalog" "$bin/slt" 2>&1 | tee "$log/slt-$catalog"
  count "$log/slt-$catalog" "the SQL logic tests with the catalog $catalog"
done

# A fixed seed: a failure is one of this change. Other seeds and more statements are tried by hand.
say "random changes of rows"
"$bin/model" --statements "${MODEL_STATEMENTS:-200000}" --seed 1 >"$log/model" 2>&1
cat "$log/model"
count "$log/model" "the model test"
say "faults and interleavings"
"$bin/faults" 2>&1 | tee "$log/faults"
count "$log/faults" "the faults and interleavings"

say "example queries"
Tests/examples.sh "$bin/frazil" >"$log/examples" 2>&1
grep -v ' passed, ' "$log/examples"
count "$log/examples" "the example queries"

if [ -x "$python" ]; then
  say "interoperability and bad input"
  FRAZIL_BINARY=$bin/frazil "$python" Tests/Interop/run.py >"$log/interop" 2>&1
  grep -v '^ok ' "$log/interop"
  count "$log/interop" "the interoperability checks"

  # Fixed seeds: a failure is one of this change, not of this day. Other seeds are tried by hand.
  say "random queries"
  "$python" Tests/Differential/differential.py --frazil "$bin/frazil" --seed 7 --count 18000 --partitioned 2500 --jobs "$(nproc)" --seconds 1800 \
    >"$log/differential" 2>&1
  tail -n 40 "$log/differential"
  count "$log/differential" "the comparison of random queries"

  say "mutated statements"
  "$python" Tests/Differential/mutations.py --slt "$bin/slt" --seed 1 --count 3000 Tests/SQLLogicTests/cases >"$log/mutations" 2>&1
  tail -n 40 "$log/mutations"
  count "$log/mutations" "the mutated statements"
else
  say "no Python environment at $python: interoperability, bad input and random queries cannot run; see .ci/install"
  failed=$((failed + 1))
fi

if [ "$failed" -ne 0 ]; then
  say "what failed"
  cat "$failures"
fi
say "done"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
