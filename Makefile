# Postroom: build, tests, installation. `make help` lists what there is.
#
# Sources stand in rooms, src/ROOM/; a room may use the rooms named in its NEEDS line and no others, so that the
# arrows of ARCHITECTURE.md are also what links. Beside x.c stand x_test.c (cmocka), x_fuzz.c (libFuzzer).

VERSION := 0.1.0
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=
comma   := ,

# `make SAN=address,undefined` builds beside the ordinary programs, in a directory of its own.
B := $(if $(SAN),build/$(subst $(comma),-,$(SAN)),build)

ROOMS := base net monitor sandbox mail mime terminal course auth store protocol server client web admin
NEEDS_base     :=
NEEDS_net      := base
NEEDS_monitor  := base
NEEDS_sandbox  := base
NEEDS_mime     := mail base
NEEDS_terminal := mail base
NEEDS_mail     := base
NEEDS_course   := base
NEEDS_auth     := base
NEEDS_store    := base
NEEDS_protocol := net mail course base
NEEDS_server   := protocol auth store monitor sandbox net mail course base
NEEDS_client   := protocol mime terminal net mail course base
NEEDS_web      := protocol mime monitor sandbox store net mail course base
NEEDS_admin    := server protocol auth store terminal monitor sandbox net mail course base

PROGRAMS := smtpmail popserver mailclient postroom postroom-web
NEEDS_smtpmail   := server $(NEEDS_server)
NEEDS_popserver  := server $(NEEDS_server)
NEEDS_mailclient := client $(NEEDS_client)
NEEDS_postroom   := admin $(NEEDS_admin)
# A program of its own: what reads MIME, JSON and HTTP, and the libraries for it, never enters the process that carries the mail.
NEEDS_postroom-web := web $(NEEDS_web)

# Further names of programs, which imply a course: `program_name "NAME" { program = PROGRAM }` in the course's file, on one line.
NAMES       := $(shell sed -n 's/^program_name "\([a-z0-9_-]*\)" *{ *program *= *\([a-z]*\) *}.*/\1:\2/p' courses/*.conf)
OTHER_NAMES := $(foreach n,$(NAMES),$(firstword $(subst :, ,$(n))))
program_of   = $(patsubst $(1):%,%,$(filter $(1):%,$(NAMES)))

PACKAGES := libevent_core libconfuse libcrypto libssl libgsasl libcrypt libseccomp gmime-3.0 libmicrohttpd jansson sqlite3
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
CFLAGS   ?= -O2 -g
# A mistake in memory ends the process before it becomes somebody's way in; tests/e2e/test_hardening.py looks at the programs. A sanitizer does more, in its own way.
# clang adds control flow integrity (a call through a pointer reaches functions of its type alone), which needs the whole program at once.
CLANG    := $(findstring clang,$(CC))
HARDEN    = $(if $(SAN),,-fPIE -fstack-protector-strong -fstack-clash-protection \
            $(if $(findstring -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3) $(if $(CLANG),-flto=thin -fvisibility=hidden -fsanitize=cfi))
HARDEN_LD = $(if $(SAN),,-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code $(if $(CLANG),-fuse-ld=lld))
AR        = $(if $(CLANG),$(firstword $(wildcard /usr/bin/llvm-ar /usr/bin/llvm-ar-*) ar),ar)
# Asked for once, and not before something is compiled: on a new machine pkg-config is not there yet.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
LIBS       = $(eval LIBS := $$(shell pkg-config --libs $(PACKAGES)))$(LIBS)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DPOSTROOM_VERSION='"$(VERSION)"' -Isrc -I$(B)/gen $(WARN) -pthread \
             $(CFLAGS) $(HARDEN) $(SANFLAGS) $(PKG_CFLAGS)
# The compiler's flags once more: clang compiles at the end.
ALL_LDFLAGS = -pthread -Wl,--as-needed $(CFLAGS) $(HARDEN) $(HARDEN_LD) $(LDFLAGS) $(SANFLAGS)

# One short line a step; V=1 shows the commands, and -s nothing.
SILENT = $(findstring s,$(firstword -$(MAKEFLAGS)))
quiet = $(if $(V),,@$(if $(SILENT),,printf '  %-4s %s\n' $(1) $(2);) )

sources   = $(filter-out %_test.c %_fuzz.c %_suite.c,$(wildcard src/$(1)/*.c))
objects   = $(patsubst src/%.c,$(B)/obj/%.o,$(1))
archives  = $(foreach r,$(1),$(B)/lib$(r).a)
suites    = $(call objects,$(foreach r,$(1),$(wildcard src/$(r)/*_suite.c)))
TESTS     := $(patsubst src/%.c,$(B)/test/%,$(foreach r,$(ROOMS),$(wildcard src/$(r)/*_test.c)))

FUZZERS   := $(patsubst src/%.c,$(B)/bin/%,$(foreach r,$(ROOMS),$(wildcard src/$(r)/*_fuzz.c)))

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all
all: $(PROGRAMS:%=$(B)/%) $(OTHER_NAMES:%=$(B)/%) ## build the programs into build/ (SAN=address,undefined and SAN=thread: beside it)

# A change of compiler or flags rebuilds everything.
$(B)/.flags: FORCE
	@mkdir -p $(B)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@
.PHONY: FORCE
FORCE:

$(B)/obj/%.o: src/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define ROOM_template
$(B)/lib$(1).a: $(call objects,$(call sources,$(1))) $(EXTRA_$(1))
	@rm -f $$@
	$$(call quiet,AR,$$@)$$(AR) rcs $$@ $$^
$(B)/test/$(1)/%_test: $(B)/obj/$(1)/%_test.o $(call suites,$(1) $(NEEDS_$(1))) $(call archives,$(1) $(NEEDS_$(1)))
	@mkdir -p $$(@D)
	$$(call quiet,LD,$$@)$(CC) $$(ALL_LDFLAGS) $$^ $$(LIBS) -lcmocka -o $$@
$(B)/bin/$(1)/%_fuzz: $(B)/obj/$(1)/%_fuzz.o $(call suites,$(1)) $(call archives,$(1) $(NEEDS_$(1)))
	@mkdir -p $$(@D)
	$$(call quiet,LD,$$@)$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer $$^ $$(LIBS) -lcmocka -o $$@
endef

# The courses are compiled in.
EXTRA_course = $(B)/obj/gen/courses.o
$(B)/gen/courses.c: scripts/embed-courses.sh $(wildcard courses/*.conf)
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)scripts/embed-courses.sh $(wildcard courses/*.conf) > $@
$(B)/obj/gen/courses.o: $(B)/gen/courses.c $(B)/.flags
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALL_CFLAGS) -c $< -o $@

# … and so are the page's files.
EXTRA_web = $(B)/obj/gen/assets.o
ASSETS   := $(wildcard src/web/assets/*)
$(B)/gen/assets.c: scripts/embed-assets.sh $(ASSETS)
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)scripts/embed-assets.sh $(ASSETS) > $@
$(B)/obj/gen/assets.o: $(B)/gen/assets.c $(B)/.flags
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(foreach r,$(ROOMS),$(eval $(call ROOM_template,$(r))))

define PROGRAM_template
$(B)/$(1): $(B)/obj/programs/$(1).o $(call archives,$(NEEDS_$(1)))
	$$(call quiet,LD,$$@)$(CC) $$(ALL_LDFLAGS) $$^ $$(LIBS) -o $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM_template,$(p))))

define NAME_template
$(B)/$(1): $(B)/$(call program_of,$(1))
	$$(call quiet,LN,$$@)ln -sf $(call program_of,$(1)) $$@
endef
$(foreach n,$(OTHER_NAMES),$(eval $(call NAME_template,$(n))))

-include $(wildcard $(B)/obj/*/*.d)

.PHONY: hardening
hardening: # the compiler, and its flags that harden
	@echo $(CC) $(CFLAGS) $(HARDEN) $(HARDEN_LD)

.PHONY: unit-tests
unit-tests: $(TESTS)

# What a person types. Each installs what is missing first, and builds.

JOBS  = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
SELF  = $(MAKE) --no-print-directory

.PHONY: run lab
run: ## mail for tests, with an inbox in the browser; Ctrl-C ends it (SMTP_PORT=2525 POP3_PORT=2110 WEB_PORT=8025)
	@scripts/setup.sh build run
	@[ -x $(B)/postroom-web ] || echo 'Building: the first time takes a while.'
	@$(SELF) $(JOBS) all
	@scripts/run.sh $(B)
lab: ## a networks class's lab in demo/: smtpmail and popserver, two users, the dialogue on the screen
	@scripts/setup.sh build run
	@$(SELF) $(JOBS) all
	@scripts/lab.sh $(B)

.PHONY: test
test: ## all tests; ends with `N passed, N failed`
	@scripts/setup.sh build check test
	@$(SELF) $(JOBS) all unit-tests
	@$(if $(SAN),,$(SELF) crash-program)
	@$(if $(SAN),,$(SELF) $(JOBS) oom-program)
	@$(if $(SAN),,$(SELF) deb)
	@POSTROOM_SAN='$(SAN)' scripts/test.sh $(B)

.PHONY: check
check: ## unit tests and dialogues within one process: a few seconds
	@scripts/setup.sh build check
	@$(SELF) $(JOBS) unit-tests
	@scripts/run-tests.sh $(B)

# The store on a disk in memory (tests/crash). Mailboxes count as large from 900 octets on, so that deletion marks are reached.
DISK_CALLS := openat open close mkdirat unlinkat linkat renameat statx fstat fstatat fchown fchmod read pread preadv preadv2 pwritev \
              copy_file_range ftruncate fdatasync fsync fcntl memfd_create realpath pthread_once
$(B)/crash: $(wildcard tests/crash/*.[ch] tests/crash/*.inc) $(call archives,store auth base) $(B)/.flags
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) tests/crash/*.c $(call archives,store auth base) $(ALL_LDFLAGS) $(DISK_CALLS:%=-Wl,--wrap=%) $(LIBS) -o $@
CRASHING = B=$(B)/small CFLAGS='$(CFLAGS) -DPOSTROOM_REWRITE_MAX=900'
.PHONY: crash-program crash crash-mutants
crash-program:
	@$(SELF) $(JOBS) $(CRASHING) $(B)/small/crash
crash: ## the store: kills, calls that fail and power cuts at every point (STATES=1800000)
	@scripts/setup.sh build
	@$(SELF) crash-program
	@$(B)/small/crash --states $(or $(STATES),1800000)
crash-mutants: ## … and whether a sync that is left out of the code is noticed, for each
	@scripts/setup.sh build
	@tests/crash/mutate.py

.PHONY: soak
soak: ## both servers under load, with kills: every mail accounted for, memory and descriptors flat (MINUTES=10 SEED=…)
	@scripts/setup.sh build
	@$(SELF) $(JOBS) all
	@tests/soak/soak.py $(B) --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

# Whole sessions while memory or descriptors run out (tests/oom).
$(B)/oom: $(wildcard tests/oom/*.[ch]) $(B)/obj/net/tls_suite.o $(call archives,client $(NEEDS_client) server $(NEEDS_server)) $(B)/.flags
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) tests/oom/*.c $(B)/obj/net/tls_suite.o $(call archives,client $(NEEDS_client) server $(NEEDS_server)) $(ALL_LDFLAGS) $(LIBS) -o $@
.PHONY: oom oom-program
oom-program: $(B)/oom
oom: ## whole sessions: every allocation and every new descriptor fails once, and from there on (RUNS=: at most so many of each)
	@scripts/setup.sh build
	@$(SELF) $(JOBS) oom-program
	@$(B)/oom $(if $(RUNS),--runs $(RUNS))

.PHONY: lint
lint: ## layout, static analysis, the arrows between rooms, house rules
	@scripts/setup.sh build check lint
	@scripts/lint.sh

# The load generators; bench/README.md says what is measured with them.
LOADS := $(patsubst bench/load/%.c,$(B)/bench/%,$(wildcard bench/load/*load.c))
$(B)/bench/%: bench/load/%.c $(wildcard bench/load/link.* bench/load/options.* bench/load/tally.*) $(B)/.flags
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $< $(filter %.c,$(filter-out $<,$^)) $(ALL_LDFLAGS) -lssl -lcrypto -lm -o $@
.PHONY: bench bench-quick loads
loads: $(LOADS)
bench: ## the figures of bench/RESULTS.md beside Postfix, OpenSMTPD, Dovecot and popa3d: hours (ONLY=row,… RUNS=3 SECS=10)
	@scripts/setup.sh build bench
	@$(SELF) $(JOBS) all loads
	@bench/run.py $(B) $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) $(if $(SECS),--seconds $(SECS))
bench-quick: ## … the main ones, beside smtp-sink, compared with the last results: two minutes
	@scripts/setup.sh build bench
	@$(SELF) $(JOBS) all loads
	@bench/run.py $(B) --quick $(if $(ONLY),--only $(ONLY))

# Mailboxes count as large early here, too, so that the fuzzer reaches their deletion marks.
FUZZING = B=build/fuzz CC=clang SAN=fuzzer-no-link,address,undefined CFLAGS='$(CFLAGS) -DPOSTROOM_REWRITE_MAX=100'
.PHONY: fuzz fuzz-smoke fuzzers
fuzz: ## build every fuzz target into build/fuzz/bin/ROOM/
	@scripts/setup.sh build check fuzz
	@$(SELF) $(JOBS) $(FUZZING) fuzzers
fuzz-smoke: fuzz ## … replay tests/corpus, then run each for a minute, two at a time (SECONDS_EACH=60)
	@SECONDS_EACH=$(or $(SECONDS_EACH),60) scripts/fuzz-smoke.sh build/fuzz $(TARGETS)
fuzzers: $(FUZZERS)

INSTALL ?= install
bindir   = $(DESTDIR)$(PREFIX)/bin
mandir   = $(DESTDIR)$(PREFIX)/share/man
docdir   = $(DESTDIR)$(PREFIX)/share/doc/postroom
MANUALS := $(wildcard docs/man/*.[1-8])
DOCS    := $(wildcard README.md SECURITY.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md LICENSE docs/*.md docs/courses/*.md)
CONFS   := $(wildcard courses/*.conf examples/*.conf)
# Shells look for a completion by the command's name. zsh's place is a distribution's to say.
bashdir  = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
fishdir  = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
zshdir  ?= $(PREFIX)/share/zsh/site-functions
COMPLETED := $(filter-out postroom,$(PROGRAMS)) $(OTHER_NAMES)
# A further name's manual is the program's: "man8/smtpmail.8 man8/mailserver_stmp.8".
NAME_MANUALS := $(foreach n,$(NAMES),$(foreach m,$(filter docs/man/$(lastword $(subst :, ,$(n))).%,$(MANUALS)),\
                man$(subst .,,$(suffix $(m)))/$(firstword $(subst :, ,$(n)))$(suffix $(m)):$(notdir $(m))))
installed = $(foreach n,$(NAME_MANUALS),$(mandir)/$(firstword $(subst :, ,$(n)))) $(PROGRAMS:%=$(bindir)/%) $(OTHER_NAMES:%=$(bindir)/%) $(foreach m,$(MANUALS),$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
            $(DOCS:%=$(docdir)/%) $(CONFS:%=$(docdir)/%) $(DESTDIR)$(zshdir)/_postroom \
            $(foreach n,postroom $(COMPLETED),$(bashdir)/$(n) $(fishdir)/$(n).fish)

.PHONY: install uninstall
install: all ## programs, manual pages, completions and documents; PREFIX=/usr/local, DESTDIR=
	$(INSTALL) -d $(bindir) $(sort $(dir $(installed)))
	$(INSTALL) -m 755 $(PROGRAMS:%=$(B)/%) $(bindir)
	for n in $(NAMES); do ln -sf $${n#*:} $(bindir)/$${n%:*} || exit; done
	for m in $(MANUALS); do $(INSTALL) -m 644 $$m $(mandir)/man$${m##*.}/ || exit; done
	for n in $(NAME_MANUALS); do ln -sf $${n#*:} $(mandir)/$${n%:*} || exit; done
	$(INSTALL) -m 644 completions/postroom.bash $(bashdir)/postroom
	$(INSTALL) -m 644 completions/postroom.fish $(fishdir)
	$(INSTALL) -m 644 completions/_postroom $(DESTDIR)$(zshdir)
	for n in $(COMPLETED); do ln -sf postroom $(bashdir)/$$n && ln -sf postroom.fish $(fishdir)/$$n.fish || exit; done
	for d in $(DOCS) $(CONFS); do $(INSTALL) -m 644 $$d $(docdir)/$$d || exit; done
uninstall: ## takes away just those
	rm -f $(installed)
	rmdir $(docdir)/docs/courses $(docdir)/docs $(docdir)/courses $(docdir)/examples $(docdir) 2>/dev/null || true

.PHONY: deb
deb: ## a Debian package, build/deb/postroom_VERSION_ARCH.deb
	@scripts/setup.sh build deb
	@scripts/deb.sh $(VERSION)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: clean
clean: ## removes build/
	rm -rf build
