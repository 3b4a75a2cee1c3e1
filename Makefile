# A thin front: meson and ninja build, scripts/ install and check. `make` builds; `make check` and `make demo`
# install what is missing on a bare Debian 12 and do the rest.
BUILD ?= build

.PHONY: all deps demo check bench format clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

deps:
	scripts/install.sh build demo test

demo:
	scripts/install.sh build demo
	$(MAKE) --no-print-directory all
	scripts/demo.sh

check:
	scripts/install.sh build demo test
	scripts/check.sh

bench:
	scripts/install.sh build demo bench
	$(MAKE) --no-print-directory all
	BUILD=$(BUILD) bench/all.sh

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build build-asan build-fuzz build-tsan
