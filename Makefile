# Targets that a newcomer needs are listed by `make help`.
SHELL := /bin/bash
# Where go.dev's archive is unpacked: sudo's own PATH does not have it.
export PATH := $(PATH):/usr/local/go/bin
.DEFAULT_GOAL := build

DESTDIR ?=
PREFIX ?= /usr
# What is built or installed for tests alone is kept out of the tree, and from
# one run to the next.
CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(if $(HOME),$(HOME)/.cache,/var/cache))/netbrk-build
FUZZTIME ?= 10s
FUZZ ?= Fuzz
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(CACHE)/bin/golangci-lint-$(GOLANGCI_VERSION)
GOVULNCHECK_VERSION := v1.9.0
# The Go project's database of the day in this version, which is served as a Go module.
# A newer day is VULNDB=latest, or that of now by the database's URL.
VULNDB ?= v0.0.0-20261105234957-e22db6528018
GOVULNCHECK := $(CACHE)/bin/govulncheck-$(GOVULNCHECK_VERSION)
VULNCHECK = .ci/vulncheck $(GOVULNCHECK) '$(TAGS)' '$(VULNDB)'
BENCHSTAT_VERSION := v0.0.0-20260908200009-22c9c6c9d4da
BENCHSTAT := $(CACHE)/bin/benchstat-$(BENCHSTAT_VERSION)
# AWS's own mock of EC2's metadata service: what netbrk asks is checked by others.
EC2_MOCK_VERSION := v1.13.0
EC2_MOCK := $(CACHE)/bin/ec2-metadata-mock-$(EC2_MOCK_VERSION)
# Later ones need a module that the Go proxy does not serve (2026-11).
NFPM_VERSION := v2.45.0
NFPM := $(CACHE)/bin/nfpm-$(NFPM_VERSION)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# The same as dpkg and rpm order it: 1.2.0~rc1, 1.2.0, 1.2.0+5.gHASH. Before the first
# tag, the number of commits.
PACKAGE_VERSION = $(shell { git describe --tags --match 'v[0-9]*' --dirty=.dirty 2>/dev/null || \
	echo 0.0-$$(git rev-list --count HEAD)-g$$(git describe --always --dirty=.dirty); } | sed -E 's/^v//; s/-([0-9]+)-(g[0-9a-f]+)/+\1.\2/; s/-/~/')
PACKAGES := bin/packages
LDFLAGS := -s -w -X github.com/netbrk/netbrk/subcmd.version=$(VERSION) -X github.com/netbrk/netbrk/subcmd.commit=$(COMMIT)
# The documentation generator of urfave/cli, which netbrk does not use, costs
# every start 0.4 ms and 200 KB in its packages' set-up. Metadata services speak
# HTTP/1.1: the second version would cost the watcher 0.2 MB of memory.
TAGS := urfave_cli_no_docs,urfave_cli_no_suggest,nethttpomithttp2
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# Bare lists, so that a directory that Go does not know has no hooks here: tests
# compare them with hostnet.LinkStates() and hostnet.Directories().
LINK_STATES := off no-carrier dormant degraded-carrier carrier degraded enslaved routable \
	configuring configured unmanaged failed
HOOK_DIRS := $(LINK_STATES:%=%.d) manager.d links.d addresses.d routes.d rules.d leases.d
TARGETS := $(LINK_STATES:%=netbrk-%@.target)
UNITS := netbrk.target netbrk-watch.service netbrk-hooks.path netbrk-hooks.service \
	netbrk-rules.path netbrk-rules.timer netbrk-rules.service netbrk-apply-rules@.service \
	netbrk-cloud-sync.path netbrk-cloud-sync.timer netbrk-cloud-sync.service \
	netbrk-dhclient.path netbrk-dhclient.service netbrk-api.socket netbrk-api.service \
	$(TARGETS)
GENERATORS := lib/systemd/system-generators
MAN1 := netbrk.1
MAN5 := netbrk.toml.5
MAN7 := netbrk-hooks.7 netbrk-rules.7 netbrk-cloud.7 netbrk-security.7
MAN8 := netbrk-generator.8
# Scripts for other dispatchers, by the name they have there. These look below
# /usr/lib and /etc, whatever PREFIX is; a link is enough for both.
DISPATCHERS := networkd-dispatcher NetworkManager
DISPATCHER_SCRIPT := 50-netbrk
ND_LIB := /usr/lib/networkd-dispatcher
ND_DIRS := $(filter-out manager.d links.d addresses.d routes.d rules.d leases.d,$(HOOK_DIRS))
NM_LIB := /usr/lib/NetworkManager/dispatcher.d
# Below share/, where the shells of Debian look.
BASH_COMPLETION := bash-completion/completions/netbrk
ZSH_COMPLETION := zsh/vendor-completions/_netbrk
FISH_COMPLETION := fish/vendor_completions.d/netbrk.fish

.PHONY: build deb rpm test test-netns test-faults test-faults-short test-e2e test-e2e-all check lint bench bench-loops scale simulate fuzz vulncheck demo deps install install-dispatcher uninstall clean help

# The version is stamped above; go's own stamp fails where git does, as in a
# checkout that somebody else owns.
build: ## build bin/netbrk, static and stripped
	CGO_ENABLED=0 go build -buildvcs=false -tags '$(TAGS)' -trimpath -ldflags '$(LDFLAGS)' -o bin/netbrk ./cmd/netbrk

test: ## unit tests: no root, no network
	NETBRK_TEST_NETNS=0 NETBRK_TEST_EC2_MOCK=$(EC2_MOCK) go test -race ./...

# The tests in files named x_netns_test.go, whatever their own names are.
NETNS_FILES = $(shell find . -name '*_netns_test.go' | sort)
NETNS_TESTS = $(shell sed -n 's/^func \(Test[A-Za-z0-9_]*\).*/\1/p' $(NETNS_FILES))

test-netns: ## kernel tests, each in a network namespace of its own
	NETBRK_TEST_NETNS=1 $(if $(SUDO),unshare -Urn) go test -race -count=1 \
		-run '^($(subst $(SPACE),|,$(strip $(NETNS_TESTS))))$$' $(sort $(dir $(NETNS_FILES)))

# Fewer kills in the short form; NETBRK_FAULT_SEED repeats a run's choices.
FAULT_KILLS = 300
test-faults: build ## kills, full disks, failing system calls, lost messages, 1,000 links, a hung bus (root)
	$(SUDO) env NETBRK_TEST_FAULTS=1 NETBRK_TEST_NETNS=1 NETBRK_FAULT_KILLS="$${NETBRK_FAULT_KILLS:-$(FAULT_KILLS)}" \
		NETBRK_FAULT_SEED="$$NETBRK_FAULT_SEED" HOME="$$HOME" PATH="$$PATH" go test -count=1 -timeout 20m -v $(FAULT_FLAGS) ./internal/faulttest
	$(if $(FAULT_FLAGS),,$(SUDO) env NETBRK_TEST_E2E=1 HOME="$$HOME" PATH="$$PATH" go test -tags e2e -count=1 -timeout 10m -v -run '^TestFaults$$' ./internal/e2e)

test-faults-short: FAULT_KILLS := 30
test-faults-short: FAULT_FLAGS := -short
test-faults-short: test-faults ## the same with 30 kills, and fewer of the rest

test-e2e: build ## end-to-end tests on Debian 12 and 13 in systemd-nspawn (root)
	$(SUDO) env NETBRK_TEST_E2E=1 HOME="$$HOME" PATH="$$PATH" NETBRK_E2E_SUITES="$(NETBRK_E2E_SUITES)" go test -tags e2e -count=1 -timeout 20m ./internal/e2e/...

test-e2e-all: NETBRK_E2E_SUITES := bullseye bookworm trixie
test-e2e-all: test-e2e ## the same on Debian 11 too, the oldest supported

check: deps lint test test-netns test-faults-short test-e2e ## lint and all tests, of faults the short form, with what they need installed (root)

# Where there is no database to ask, lint goes on: status 75.
lint: $(GOLANGCI) $(GOVULNCHECK) ## gofmt, vet, staticcheck, govulncheck, shell, man pages
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "netbrk: hint: gofmt -w ." >&2; exit 1; }
	go vet ./... && go vet -tags e2e,bench ./...
	$(GOLANGCI) run ./...
	$(VULNCHECK) || [ $$? = 75 ]
	shellcheck .ci/run .ci/vulncheck $$(find . -name '*.sh')
	mandoc -T lint -W warning man/*.[0-9]

bench: build deps ## speed and memory beside their peers', in one table, bin/bench.txt (root)
	$(SUDO) env NETBRK_TEST_E2E=1 HOME="$$HOME" PATH="$$PATH" NETBRK_E2E_SUITES="$(NETBRK_E2E_SUITES)" \
		go test -tags bench -count=1 -timeout 30m -v -run '$(BENCH)' ./internal/bench

# What runs over and over within netbrk, one file for each commit. benchstat tells a
# difference from noise by 6 runs or more of both. What they write is in memory, as /run is;
# go builds elsewhere, as programs may not be run from there.
BENCH ?= .
COUNT ?= 6
BENCHTIME ?= 0.2s
LOOPS = bin/loops-$(COMMIT).txt
BENCH_FILES = $(shell grep -rl --include='*_test.go' '^func Benchmark' . | sort)

bench-loops: $(BENCHSTAT) ## inner loops, COUNT times; BASE=bin/loops-COMMIT.txt compares, BENCH=Diff takes some
	@mkdir -p bin
	GOTMPDIR="$${TMPDIR:-/tmp}" TMPDIR=$(wildcard /dev/shm) NETBRK_TEST_NETNS=1 $(if $(SUDO),unshare -Urn) go test -run '^$$' -bench '$(BENCH)' \
		-benchtime $(BENCHTIME) -count $(COUNT) $(sort $(dir $(BENCH_FILES))) >$(LOOPS) || { cat $(LOOPS); exit 1; }
	@$(BENCHSTAT) $(BASE) $(LOOPS) && echo "netbrk: in $(LOOPS), for benchstat"

scale: build ## a host of 1,000 containers and a router's full table, in network namespaces (root)
	$(SUDO) env NETBRK_TEST_SCALE=1 NETBRK_TEST_NETNS=1 HOME="$$HOME" PATH="$$PATH" go test -count=1 -timeout 15m -v -run '^Test(Containers|Router)$$' ./internal/scale

simulate: ## what a million instances ask of their metadata service: internal/SCALE.md
	go run ./internal/scale/cmd/fleet

# All targets, the failed ones told at the end; FUZZ= takes a part of a name or path.
# By default Go spends up to a minute on making each new input smaller, of a target's
# time, and tries nothing meanwhile.
fuzz: ## every fuzz target, for FUZZTIME each (10s); FUZZ=networkd for some
	@targets=$$(grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|/[^/]*:func |:|' | sort | grep -e '$(FUZZ)'); \
	[ -n "$$targets" ] || { echo "netbrk: no fuzz target matches '$(FUZZ)'" >&2; exit 1; }; \
	failed=; for t in $$targets; do echo "$$t"; \
		go test -run '^$$' -fuzz "^$${t##*:}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$${t%:*}" || failed="$$failed $$t"; done; \
	echo "fuzz: $$(wc -w <<<"$$targets") targets, $(FUZZTIME) each, $$(wc -w <<<"$$failed") failed"; \
	[ -z "$$failed" ] || { printf '%s\n' $$failed >&2; exit 1; }

vulncheck: $(GOVULNCHECK) ## known vulnerabilities in what netbrk calls; VULNDB=URL asks another database
	$(VULNCHECK)

demo: build ## see it work: hooks, rules and a cloud's addresses, in private namespaces
	CGO_ENABLED=0 go build -buildvcs=false -o $(CACHE)/bin/imds ./internal/cloud/imdstest/cmd/imds
	testdata/demo/demo.sh bin/netbrk $(CACHE)/bin/imds

deps: $(GOLANGCI) $(EC2_MOCK) $(NFPM) ## install what the tests need: Debian packages, golangci-lint, ec2-metadata-mock, nfpm
	@missing=$$(for p in gcc libc6-dev mmdebstrap systemd systemd-container dnsmasq-base iproute2 util-linux debian-archive-keyring dbus mandoc shellcheck strace graphviz zsh fish lintian rpm; do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "installing $$missing"; $(SUDO) apt-get update -qq && \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi

$(GOLANGCI):
	GOBIN=$(CACHE)/tmp go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mkdir -p $(@D) && mv $(CACHE)/tmp/golangci-lint $@

$(GOVULNCHECK):
	GOBIN=$(CACHE)/tmp go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	@mkdir -p $(@D) && mv $(CACHE)/tmp/govulncheck $@

$(BENCHSTAT):
	GOBIN=$(CACHE)/tmp go install golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION)
	@mkdir -p $(@D) && mv $(CACHE)/tmp/benchstat $@

$(EC2_MOCK):
	GOBIN=$(CACHE)/tmp go install github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock@$(EC2_MOCK_VERSION)
	@mkdir -p $(@D) && mv $(CACHE)/tmp/ec2-metadata-mock $@

$(NFPM):
	GOBIN=$(CACHE)/tmp go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
	@mkdir -p $(@D) && mv $(CACHE)/tmp/nfpm $@

# With what make install lays out, and no more but what a distribution asks for.
deb rpm: build $(NFPM) ## build a package in bin/packages
	@rm -rf $(PACKAGES)/$@ && $(MAKE) -s install DESTDIR=$(PACKAGES)/$@ PREFIX=/usr
	@NFPM=$(NFPM) VERSION=$(PACKAGE_VERSION) ARCH=$$(go env GOARCH) units/packaging/build.sh $@ $(PACKAGES)/$@ $(PACKAGES)/netbrk.$@
	@rm -rf $(PACKAGES)/$@ && echo $(PACKAGES)/netbrk.$@

# The paths in the units follow PREFIX. Without DESTDIR, on a running systemd,
# the service is set up and started, or restarted with the new binary.
# sudo's PATH often lacks go: then what `make` built before is installed.
install: $(if $(shell command -v go),build,bin/netbrk) ## install; with an empty DESTDIR also enable and start (root)
	install -D -m 0755 bin/netbrk $(DESTDIR)$(PREFIX)/bin/netbrk
	for u in $(UNITS); do install -D -m 0644 units/$$u $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u && \
		sed -i 's|/usr/bin/netbrk|$(PREFIX)/bin/netbrk|g' $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u || exit 1; done
	install -d -m 0755 $(DESTDIR)$(PREFIX)/$(GENERATORS) && ln -sfn ../../../bin/netbrk $(DESTDIR)$(PREFIX)/$(GENERATORS)/netbrk-generator
	install -D -m 0644 units/sysusers.d/netbrk.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/netbrk.conf
	install -D -m 0644 units/tmpfiles.d/netbrk.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/netbrk.conf
	install -D -m 0644 units/system-preset/90-netbrk.preset $(DESTDIR)$(PREFIX)/lib/systemd/system-preset/90-netbrk.preset
	install -D -m 0644 units/rt_protos.d/netbrk.conf $(DESTDIR)/etc/iproute2/rt_protos.d/netbrk.conf
	for d in $(HOOK_DIRS); do install -d -m 0755 $(DESTDIR)/etc/netbrk/$$d || exit 1; done
	[ -e $(DESTDIR)/etc/netbrk/netbrk.toml ] || install -m 0644 internal/config/netbrk.toml $(DESTDIR)/etc/netbrk/netbrk.toml
	for m in $(MAN1); do install -D -m 0644 man/$$m $(DESTDIR)$(PREFIX)/share/man/man1/$$m || exit 1; done
	for m in $(MAN5); do install -D -m 0644 man/$$m $(DESTDIR)$(PREFIX)/share/man/man5/$$m || exit 1; done
	for m in $(MAN7); do install -D -m 0644 man/$$m $(DESTDIR)$(PREFIX)/share/man/man7/$$m || exit 1; done
	for m in $(MAN8); do install -D -m 0644 man/$$m $(DESTDIR)$(PREFIX)/share/man/man8/$$m || exit 1; done
	for d in $(DISPATCHERS); do install -D -m 0755 dispatcher/$$d/$(DISPATCHER_SCRIPT).sh \
		$(DESTDIR)$(PREFIX)/share/netbrk/dispatcher/$$d/$(DISPATCHER_SCRIPT) || exit 1; done
	install -D -m 0644 subcmd/completion/netbrk.bash $(DESTDIR)$(PREFIX)/share/$(BASH_COMPLETION)
	install -D -m 0644 subcmd/completion/_netbrk $(DESTDIR)$(PREFIX)/share/$(ZSH_COMPLETION)
	install -D -m 0644 subcmd/completion/netbrk.fish $(DESTDIR)$(PREFIX)/share/$(FISH_COMPLETION)
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then \
		systemd-sysusers netbrk.conf && systemd-tmpfiles --create netbrk.conf && systemctl daemon-reload && \
		systemctl enable netbrk.target && systemctl try-restart netbrk-watch.service && systemctl start netbrk.target; fi

# networkd-dispatcher wants every directory, and what a link leads to, to be 0755
# and root's.
install-dispatcher: ## after install: be run by networkd-dispatcher and NetworkManager too (root)
	for d in $(ND_DIRS); do install -d -m 0755 $(DESTDIR)$(ND_LIB) $(DESTDIR)$(ND_LIB)/$$d && \
		ln -sfn $(PREFIX)/share/netbrk/dispatcher/networkd-dispatcher/$(DISPATCHER_SCRIPT) $(DESTDIR)$(ND_LIB)/$$d/$(DISPATCHER_SCRIPT) || exit 1; done
	install -d -m 0755 $(DESTDIR)$(NM_LIB)
	ln -sfn $(PREFIX)/share/netbrk/dispatcher/NetworkManager/$(DISPATCHER_SCRIPT) $(DESTDIR)$(NM_LIB)/$(DISPATCHER_SCRIPT)

# The units are stopped before rules and addresses are taken back, so that nobody
# heals them, and targets after them, so that nobody starts one; all while the
# binary is there. Addresses go first: while the ledger of cloud-sync has them,
# rules may be wanted for them. Scripts and a configuration that their owner wrote
# are the owner's: they stay, and are named.
uninstall: ## undo install, rules included; scripts and a changed netbrk.toml stay (root)
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ] && [ -e $(PREFIX)/lib/systemd/system/netbrk.target ]; then \
		systemctl disable --now netbrk.target; systemctl stop $(patsubst %@.service,'%@*.service',$(filter-out $(TARGETS),$(UNITS))); systemctl stop $(TARGETS:%@.target='%@*.target'); systemctl reset-failed 'netbrk*'; fi; true
	@if [ -z "$(DESTDIR)" ] && [ -x $(PREFIX)/bin/netbrk ]; then $(PREFIX)/bin/netbrk cloud-sync --flush || { \
		echo "netbrk: hint: addresses from the metadata may be left until the next boot; to find them, as /32 or /128:" >&2; \
		echo "netbrk: hint: ip address show" >&2; }; \
		$(PREFIX)/bin/netbrk run-hooks --generator dhclient --flush || { \
		echo "netbrk: hint: resolved or hostnamed may go on with what a lease of dhclient said; resolvectl, hostnamectl tell" >&2; }; \
		$(PREFIX)/bin/netbrk apply-rules --flush || { \
		echo "netbrk: hint: rules and routes may be left; to remove them:" >&2; \
		echo "netbrk: hint: ip rule flush proto 110; ip -6 rule flush proto 110; ip route flush table all proto 110; ip -6 route flush table all proto 110" >&2; }; fi
	rm -f $(DESTDIR)$(PREFIX)/bin/netbrk $(DESTDIR)$(PREFIX)/$(GENERATORS)/netbrk-generator $(addprefix $(DESTDIR)$(PREFIX)/lib/systemd/system/,$(UNITS))
	rm -f $(DESTDIR)$(PREFIX)/lib/{sysusers.d,tmpfiles.d}/netbrk.conf $(DESTDIR)$(PREFIX)/lib/systemd/system-preset/90-netbrk.preset
	rm -f $(DESTDIR)/etc/iproute2/rt_protos.d/netbrk.conf
	rm -f $(addprefix $(DESTDIR)$(ND_LIB)/,$(addsuffix /$(DISPATCHER_SCRIPT),$(ND_DIRS))) $(DESTDIR)$(NM_LIB)/$(DISPATCHER_SCRIPT)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/netbrk/dispatcher/,$(addsuffix /$(DISPATCHER_SCRIPT),$(DISPATCHERS)))
	@rmdir $(addprefix $(DESTDIR)$(PREFIX)/share/netbrk/dispatcher/,$(DISPATCHERS)) $(DESTDIR)$(PREFIX)/share/netbrk/dispatcher $(DESTDIR)$(PREFIX)/share/netbrk 2>/dev/null; \
	[ -e $(DESTDIR)/usr/bin/networkd-dispatcher ] || rmdir $(addprefix $(DESTDIR)$(ND_LIB)/,$(ND_DIRS)) $(DESTDIR)$(ND_LIB) 2>/dev/null; \
	[ -e $(DESTDIR)/usr/sbin/NetworkManager ] || rmdir $(DESTDIR)$(NM_LIB) $(DESTDIR)$(dir $(NM_LIB)) 2>/dev/null; true
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/,$(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,$(MAN1)) $(addprefix $(DESTDIR)$(PREFIX)/share/man/man5/,$(MAN5)) $(addprefix $(DESTDIR)$(PREFIX)/share/man/man7/,$(MAN7)) $(addprefix $(DESTDIR)$(PREFIX)/share/man/man8/,$(MAN8))
	@cmp -s internal/config/netbrk.toml $(DESTDIR)/etc/netbrk/netbrk.toml && rm -f $(DESTDIR)/etc/netbrk/netbrk.toml; \
	for d in $(HOOK_DIRS); do rmdir $(DESTDIR)/etc/netbrk/$$d 2>/dev/null; done; \
	rmdir $(DESTDIR)/etc/netbrk $(DESTDIR)/etc/iproute2/rt_protos.d 2>/dev/null; \
	[ ! -d $(DESTDIR)/etc/netbrk ] || echo "kept, since somebody wrote there: $$(cd $(DESTDIR)/etc/netbrk && find . -type f | sed 's|^\.|/etc/netbrk|' | tr '\n' ' ')"
	@if [ -z "$(DESTDIR)" ]; then rm -rf /run/netbrk; \
		if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi; \
		! getent passwd netbrk >/dev/null || userdel netbrk; fi

bin/netbrk:
	@echo "netbrk: go is not in PATH and bin/netbrk is not built" >&2; echo "netbrk: hint: run make first, then $(SUDO) make install" >&2; exit 1

clean: ## remove what build made
	rm -rf bin

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16
