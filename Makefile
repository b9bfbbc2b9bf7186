# make demo    installs what is missing, builds the release binary, runs the methylation story and shows its result
# make test    installs what is missing, builds, runs every test; the last line counts them
# make bench   runs Frazil and its peers on the same files and writes bench/RESULTS.md (BENCH="--size full" for more)
# make build   the release binary alone
# make clean   removes what the build and the demo made

SWIFT ?= swift
# The same flags for everything made in release, so that nothing is compiled twice.
RELEASE := -c release --static-swift-stdlib
# The Python of the read-back tests and the benchmarks; .ci/install makes it, outside the repository.
export FRAZIL_VENV ?= $(HOME)/.cache/frazil/venv
# Where the demo leaves its warehouse and the matrix.
DEMO_DIRECTORY ?= .build/demo

.PHONY: demo test bench build clean

build:
	.ci/install libraries
	$(SWIFT) build $(RELEASE) --product frazil

demo: build
	queries/methylation/run.sh "$$($(SWIFT) build $(RELEASE) --show-bin-path)/frazil" "$(DEMO_DIRECTORY)"

test:
	.ci/install libraries python servers
	SWIFT="$(SWIFT)" RELEASE="$(RELEASE)" Tests/run.sh

bench: build
	.ci/install python sail
	$(SWIFT) build $(RELEASE) --product kernels
	"$(FRAZIL_VENV)/bin/python" bench/run.py --sail-python "$(FRAZIL_VENV)-sail/bin/python" --frazil "$$($(SWIFT) build $(RELEASE) --show-bin-path)/frazil" \
	  --kernels "$$($(SWIFT) build $(RELEASE) --show-bin-path)/kernels" $(BENCH)

clean:
	$(SWIFT) package clean
	rm -rf $(DEMO_DIRECTORY) bench/data
