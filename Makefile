# Thin: the build is CMake's (CMakeLists.txt, CMakePresets.json), packages are .ci/setup.sh's. `make help` lists what there is.

PRESET ?= release
PORT ?= 6379
DIR ?= data
DURATION ?= 3600
JOBS ?= $(shell nproc)

# Data that some tests compare with, beside the repository; those tests are skipped without it.
export STELE_COMPAT ?= $(abspath $(CURDIR)/../shared/compat)
export STELE_CORPUS ?= $(abspath $(CURDIR)/../shared/corpus)

BIN = build/$(PRESET)/bin
FUZZERS = fuzz_resp fuzz_rdb fuzz_restore fuzz_journal fuzz_manifest
BUILD = cmake --build build/$(PRESET) --parallel $(JOBS)
# The tests need more packages than the server. A build directory that has them keeps them.
WITH_TESTS = cmake --preset $(PRESET) -DSTELE_TESTS=ON
WITHOUT_TESTS = cmake --preset $(PRESET) $(if $(wildcard build/$(PRESET)/CMakeCache.txt),,-DSTELE_TESTS=OFF)

.PHONY: help run build asan tsan test soak bench figures format clean

help:
	@echo "make run      build and serve: PORT=$(PORT) DIR=$(DIR) ARGS=\"--appendfsync always\""
	@echo "make build    the server, to build/release/bin/"
	@echo "make asan     the server and all tests with AddressSanitizer and UBSan, to build/asan/bin/"
	@echo "make tsan     the same with ThreadSanitizer, to build/tsan/bin/"
	@echo "make test     build and run every test; PRESET=asan or tsan for those builds"
	@echo "make soak     kill -9, comparison with Redis, replication under faults, for DURATION=$(DURATION) seconds, then a minute of each fuzz target; PRESET= as above"
	@echo "make bench    measure against Redis, to build/bench/results.md; BENCH=\"--quick\" to try it"
	@echo "make figures  copy build/bench/results.md into README.md"
	@echo "make format   clang-format over all sources"
	@echo "make clean    remove build/; data directories stay"
	@echo "Packages that are missing are installed with apt-get first. JOBS=$(JOBS) compilers at a time."

run:
	@.ci/setup.sh build
	@$(WITHOUT_TESTS)
	@$(BUILD) --target stele-server
	@mkdir -p '$(DIR)'
	@exec $(BIN)/stele-server conf/stele.conf --port $(PORT) --dir '$(DIR)' $(ARGS)

build:
	@.ci/setup.sh build
	@$(WITHOUT_TESTS)
	@$(BUILD) --target stele-server

asan tsan:
	@.ci/setup.sh test
	@cmake --preset $@ -DSTELE_TESTS=ON
	@cmake --build build/$@ --parallel $(JOBS)

test:
	@.ci/setup.sh test
	@$(WITH_TESTS)
	@$(BUILD)
	@ctest --test-dir build/$(PRESET) --parallel $(JOBS) --output-on-failure

soak:
	@.ci/setup.sh test
	@$(WITH_TESTS)
	@$(BUILD) --target stele-server stele-crash stele-differential stele-replication stele-slow-replica test_tools $(FUZZERS)
	$(BIN)/stele-crash --seconds $$(($(DURATION) / 4)) --writers 2
	$(BIN)/stele-replication --seconds $$(($(DURATION) / 4)) --cut 1 --kill9 both --restart 1 --client-kill 1
	STELE_MOMENTS=200 STELE_EVERY_BYTE=1 $(BIN)/test_tools --gtest_filter='Moments.*:AofTool.Fixes*'
	$(BIN)/stele-slow-replica --data 256 --rate 16 --redis 1
	$(BIN)/stele-differential --seconds $$(($(DURATION) / 4)) --resp 3 --kill9-every 2000 --restart-every 5000
	$(BIN)/stele-differential --seconds $$(($(DURATION) / 4)) --resp 2
	for fuzzer in $(FUZZERS); do $(BIN)/$$fuzzer --seconds 60 --corpus tests/fuzz/corpus/$${fuzzer#fuzz_} || exit 1; done

bench:
	@.ci/setup.sh test
	@$(WITHOUT_TESTS)
	@$(BUILD) --target stele-server stele-aof
	tests/bench/bench.py --stele $(BIN)/stele-server $(BENCH)

# The block stays between its marks, so that the next run replaces it.
figures: build/bench/results.md
	@sed -i -e '/^<!-- figures: begin/,/^<!-- figures: end/ { /^<!-- figures/! d }' \
	        -e '/^<!-- figures: begin/ r $<' README.md

format:
	@.ci/setup.sh format
	git ls-files '*.cc' '*.h' | xargs clang-format -i

clean:
	rm -rf build
