# Everything a newcomer types. `make` alone explains itself.
#
# BIN=FOLDER uses programs that are built already, instead of building them.

CARGO ?= cargo
BUILT := $(if $(BIN),$(BIN),$(or $(CARGO_TARGET_DIR),target)/demo)

.PHONY: help demo demo-tcp demo-udp lab shell build test check same-bytes bench install

help:
	@echo 'make demo-tcp   a real server and a real client over TCP, with what both print'
	@echo 'make demo-udp   the same over UDP'
	@echo 'make demo       compare: three questions to both transports, side by side'
	@echo 'make shell      a shell in which server, client and compare work as typed'
	@echo 'make test       all tests'
	@echo 'make check      format, lints, documentation and all tests'
	@echo 'make bench      speed and memory beside bare servers, Linux's own wire and ns-3 (6 minutes)'
	@echo 'make install    install server, client and compare for yourself'

demo: build
	@"$(BUILT)/compare"

demo-tcp: build
	@"$(BUILT)/compare" --demo tcp

demo-udp: build
	@"$(BUILT)/compare" --demo udp

lab:
	@echo 'The web page is not part of this version. Try: make demo' >&2; exit 1

shell: build
	@echo 'server, client and compare work here as typed; leave with: exit'
	@PATH="$$(cd "$(BUILT)" && pwd):$$PATH" "$${SHELL:-sh}" || true

ifdef BIN
build:
else
build:
	@test -x "$(BUILT)/compare" || echo 'Building, the first time for about a minute ...' >&2
	@$(CARGO) build --profile demo --bins --quiet
endif

test:
	$(CARGO) test

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --no-deps --document-private-items
	$(MAKE) test
	$(MAKE) same-bytes

# What is simulated does not depend on how the programs were built.
same-bytes: build
	@$(CARGO) build --bin compare --quiet
	@folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && \
	for programs in "$(BUILT)" "$(dir $(BUILT))debug"; do \
		out="$$folder/$$(basename "$$programs")" && mkdir "$$out" && "$$programs/compare" all \
			--format json --svg "$$out" --pcap "$$out" --html "$$out/all.html" >"$$out/all.json" || exit 1; \
	done && \
	diff -r "$$folder/$$(basename "$(BUILT)")" "$$folder/debug" && echo 'Two builds, the same bytes'

bench:
	$(CARGO) bench --bench bench

install:
	$(CARGO) install --path . --locked
