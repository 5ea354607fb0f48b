.PHONY: build
build:
	CC=gcc meson setup build/release --buildtype=debugoptimized >/dev/null; ninja -C build/release
