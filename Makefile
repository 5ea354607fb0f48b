# Nicol's front door. Meson and ninja do the work underneath (tools/build.sh); each goal first looks for what it needs and,
# as root on Debian, installs what is missing.
PREFIX ?= /usr/local
export PREFIX

.PHONY: help build run test bench fuzz install clean check-format format check-style example-c

help:
	@echo 'make build         build/nicol, build/libnicol.a, build/libnicol.so, build/nicol.pc'
	@echo 'make run           the shop: a database, a server, and what to open and type next'
	@echo 'make test          everything that can be checked; ends with "N passed, N failed"'
	@echo 'make bench         measurements, as ratios'
	@echo 'make fuzz          fuzz targets, FUZZ_SECONDS each (default 300)'
	@echo 'make example-c    examples/c/shop.c, built against build/libnicol.a'
	@echo 'make install       into PREFIX (default /usr/local), below DESTDIR'
	@echo 'make check-format  clang-format 14 over all C files; make format rewrites them'
	@echo 'make clean         removes build/'

build:
	@tools/deps.sh build
	@tools/build.sh release

run:
	@tools/deps.sh run
	@[ -x build/nicol ] || echo 'building: about a minute, the first time'
	@tools/build.sh release
	@tools/run-shop.sh

test:
	@tools/deps.sh test
	@tools/test.sh

bench:
	@tools/deps.sh bench
	@tools/build.sh release
	@tools/bench.sh

fuzz:
	@tools/deps.sh fuzz
	@tools/fuzz.sh $(or $(FUZZ_SECONDS),300)

install: build
	@DESTDIR='$(DESTDIR)' meson install -C build/release --no-rebuild

check-format:
	@tools/deps.sh format
	@tools/format.sh check

format:
	@tools/deps.sh format
	@tools/format.sh write

# The C example against the library as a program of your own would use it.
example-c: build
	@mkdir -p build/examples
	gcc -std=gnu11 -O2 -Wall -Wextra -Iinclude examples/c/shop.c build/libnicol.a -o build/examples/shop \
	    $$(pkg-config --libs sqlite3 openssl) -lpthread -lm

check-style:
	@tools/check-style.sh

clean:
	rm -rf build
