# cocosecret: builds, installs and tests everything. `make help` lists what
# there is to make; what a packager may set is set with ?=.

# It stands there only: dpkg wants it there.
VERSION  := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
# Debian's zsh looks in vendor-completions.
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
# Where dracut and systemd look does not depend on PREFIX.
UNITDIR  ?= /usr/lib/systemd/system
GENERATORDIR ?= /usr/lib/systemd/system-generators
LIBEXEC  ?= /usr/lib/cocosecret
DRACUTDIR ?= /usr/lib/dracut/modules.d
INITRAMFSDIR ?= /usr/share/initramfs-tools
KERNELINSTALLDIR ?= /usr/lib/kernel/install.d
KERNELHOOKDIR ?= /etc/kernel
DRACUTCONFDIR ?= /usr/lib/dracut/dracut.conf.d
# Where libcryptsetup looks; /lib of a merged /usr is /usr/lib.
TOKENDIR ?= $(patsubst /lib%,/usr/lib%,$(shell $(PKG_CONFIG) --variable=libdir libcryptsetup 2>/dev/null))/cryptsetup
DESTDIR  ?=

CC         ?= cc
CFLAGS     ?= -Os -g
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3
INSTALL    ?= install
INSTALL_PROGRAM ?= $(INSTALL)
BUILD      := build

# The running kernel if it can be built for, else the newest that can.
have_build = $(wildcard /lib/modules/$(1)/build/Makefile)
KVER ?= $(or $(if $(call have_build,$(shell uname -r)),$(shell uname -r)),\
	$(notdir $(patsubst %/build/Makefile,%,\
	$(lastword $(sort $(wildcard /lib/modules/*/build/Makefile))))))
KERNELDIR ?= /lib/modules/$(KVER)/build

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
endif

.PHONY: all
all: unlock module stub

include module/module.mk
include unlock/unlock.mk
include stub/stub.mk
include tests/unit/unit.mk
include tests/fuzz/fuzz.mk
include tests/firmware/firmware.mk
include tests/vm/vm.mk
include tests/bench/bench.mk
include tests/kernels/kernels.mk
include tests/prove/prove.mk
include tests/lint.mk
include packaging.mk

.PHONY: install
install: install-unlock install-completions install-units install-plugin \
	install-dracut install-initramfs install-initrd install-stub install-module

# Without what only a debugger reads, as packages have it.
.PHONY: install-strip
install-strip:
	$(Q)$(MAKE) --no-print-directory install INSTALL_PROGRAM='$(INSTALL) -s'

.PHONY: install-unlock
install-unlock: unlock
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXEC) \
		$(addprefix $(DESTDIR)$(MANDIR)/man,1 4 5 7 8)
	$(INSTALL_PROGRAM) $(BUILD)/cocosecret $(BUILD)/cocosecret-unlock \
		$(DESTDIR)$(BINDIR)
	$(INSTALL_PROGRAM) $(addprefix $(BUILD)/cocosecret,-generator -image -init -agent -agent-tls) $(absent) \
		$(DESTDIR)$(LIBEXEC)
	$(INSTALL) -m 644 man/*.1 $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 man/*.4 $(DESTDIR)$(MANDIR)/man4
	$(INSTALL) -m 644 man/*.5 $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -m 644 man/cocosecret*.7 $(DESTDIR)$(MANDIR)/man7
	$(INSTALL) -m 644 man/*.8 $(DESTDIR)$(MANDIR)/man8

# What cocosecret uki puts before a kernel.
.PHONY: install-stub
install-stub: stub
	$(INSTALL) -d $(DESTDIR)$(LIBEXEC)/efi
	$(INSTALL) -m 644 $(BUILD)/cocosecret-stub.efi $(DESTDIR)$(LIBEXEC)/efi

.PHONY: install-plugin
install-plugin: unlock
	$(INSTALL) -d $(DESTDIR)$(TOKENDIR) $(DESTDIR)$(MANDIR)/man7
	$(INSTALL_PROGRAM) $(plugin) $(DESTDIR)$(TOKENDIR)
	$(INSTALL) -m 644 man/libcryptsetup-token-cocosecret.7 $(DESTDIR)$(MANDIR)/man7

# A file for each program, by the name of which bash finds it.
.PHONY: install-completions
install-completions:
	$(INSTALL) -d $(DESTDIR)$(BASHCOMPDIR) $(DESTDIR)$(ZSHCOMPDIR)
	$(INSTALL) -m 644 completions/cocosecret.bash $(DESTDIR)$(BASHCOMPDIR)/cocosecret
	ln -sf cocosecret $(DESTDIR)$(BASHCOMPDIR)/cocosecret-unlock
	$(INSTALL) -m 644 completions/_cocosecret $(DESTDIR)$(ZSHCOMPDIR)

# $(call fill_in,TEMPLATE,MODE,FILE)
define fill_in
sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@LIBEXEC@|$(LIBEXEC)|' -e 's|@UNITS@|$(unit_files)|' \
	$(1) > $(DESTDIR)$(3)
chmod $(2) $(DESTDIR)$(3)

endef

# $(call names,FILE): the lines of a list that C includes.
names = $(or $(shell sed -n 's/^"\(.*\)",$$/\1/p' unlock/generator/$(1)),$(error $(1) names nothing))

failing_units := $(call names,failing-units.inc)
systemd_units := $(patsubst dracut/%.in,%,$(wildcard dracut/cocosecret-*.service.in))
# What of ours is in systemd's folder, but for the links, and for what only an agent's image has.
unit_files := $(filter-out cocosecret-agent.%,$(systemd_units) $(failing_units:%=%.d/zz-fail.conf)) \
	initrd-root-device.target.d/50-cocosecret.conf
# Links, not presets: an image may come with presets that disable all. Outside
# of an initramfs nothing starts what these are required by.
unit_links := \
	cocosecret-unlock.service:cocosecret-agent \
	initrd-root-device.target:cocosecret-unlock \
	sysroot.mount:cocosecret-unlock \
	initrd-root-fs.target:cocosecret-unlock \
	initrd-root-fs.target:cocosecret-verify-root \
	initrd-cleanup.service:cocosecret-verify-mounts \
	initrd-switch-root.service:cocosecret-verify-mounts

# cocosecret-generator knows what else a closed initramfs may start.
closed_shells := $(call names,shells.inc)
CLOSED = $(LIBEXEC)/closed

define link_unit
$(INSTALL) -d $(DESTDIR)$(UNITDIR)/$(1).requires
ln -sf ../$(2).service $(DESTDIR)$(UNITDIR)/$(1).requires/$(2).service

endef

# /init is what the kernel starts in an initramfs that mkosi makes of packages;
# nobody starts it elsewhere.
.PHONY: install-units
install-units: unlock
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)/initrd-root-device.target.d $(DESTDIR)$(GENERATORDIR) \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(addsuffix .d,$(failing_units))) \
		$(addprefix $(DESTDIR)$(CLOSED)/,$(addsuffix .d,$(closed_shells)))
	$(foreach unit,$(systemd_units),$(call fill_in,dracut/$(unit).in,644,$(UNITDIR)/$(unit)))
	$(foreach unit,$(failing_units),$(call \
		fill_in,dracut/cocosecret-fail.conf.in,644,$(UNITDIR)/$(unit).d/zz-fail.conf))
	$(INSTALL) -m 644 dracut/initrd-root-device.conf \
		$(DESTDIR)$(UNITDIR)/initrd-root-device.target.d/50-cocosecret.conf
	$(foreach link,$(unit_links),$(call link_unit,$(firstword $(subst :, ,$(link))),$(lastword $(subst :, ,$(link)))))
	ln -srf $(DESTDIR)$(LIBEXEC)/cocosecret-generator $(DESTDIR)$(GENERATORDIR)
	[ -e $(DESTDIR)/init ] || [ -L $(DESTDIR)/init ] || ln -srT $(DESTDIR)$(LIBEXEC)/cocosecret-generator $(DESTDIR)/init
	$(foreach unit,$(closed_shells),$(call fill_in,dracut/closed.service.in,644,$(CLOSED)/$(unit)))
	$(foreach unit,$(closed_shells),$(call \
		fill_in,dracut/cocosecret-fail.conf.in,644,$(CLOSED)/$(unit).d/zz-fail.conf))

.PHONY: install-dracut
install-dracut:
	$(INSTALL) -d $(DESTDIR)$(DRACUTDIR)/50cocosecret $(DESTDIR)$(DRACUTDIR)/99zz-cocosecret \
		$(DESTDIR)$(DRACUTCONFDIR)
	$(INSTALL) -m 644 dracut/50-cocosecret.conf $(DESTDIR)$(DRACUTCONFDIR)
	$(call fill_in,dracut/module-setup.sh.in,755,$(DRACUTDIR)/50cocosecret/module-setup.sh)
	$(foreach hook,agent ciphers unlock verify hand-over emergency,$(call fill_in,dracut/plain/$(hook).sh.in,755,$(DRACUTDIR)/50cocosecret/$(hook).sh))
	$(INSTALL) dracut/plain/finished.sh dracut/plain/root.sh $(DESTDIR)$(DRACUTDIR)/50cocosecret
	$(INSTALL) -m 644 dracut/09-cocosecret.rules $(DESTDIR)$(DRACUTDIR)/50cocosecret
	$(call fill_in,dracut/close/debug.conf.in,644,$(DRACUTDIR)/99zz-cocosecret/debug.conf)
	$(call fill_in,dracut/close/module-setup.sh.in,755,$(DRACUTDIR)/99zz-cocosecret/module-setup.sh)

initramfs_scripts := cocosecret $(addsuffix /cocosecret,local-top local-bottom init-bottom)

.PHONY: install-initramfs
install-initramfs:
	$(INSTALL) -d $(addprefix $(DESTDIR)$(INITRAMFSDIR)/,hooks \
		scripts/local-top scripts/local-bottom scripts/init-bottom)
	$(call fill_in,initramfs-tools/hook.in,755,$(INITRAMFSDIR)/hooks/cocosecret)
	$(foreach script,$(initramfs_scripts),$(call fill_in,initramfs-tools/scripts/$(script).in,$(if $(findstring /,$(script)),755,644),$(INITRAMFSDIR)/scripts/$(script)))

# make-initrd, and who runs it: kernel packages of Debian, and kernel-install.
.PHONY: install-initrd
install-initrd:
	$(INSTALL) -d $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(KERNELINSTALLDIR) \
		$(addprefix $(DESTDIR)$(KERNELHOOKDIR)/,postinst.d postrm.d)
	$(call fill_in,initrd/make-initrd.in,755,$(LIBEXEC)/make-initrd)
	$(call fill_in,initrd/kernel-install.in,755,$(KERNELINSTALLDIR)/58-cocosecret.install)
	ln -sf 58-cocosecret.install $(DESTDIR)$(KERNELINSTALLDIR)/89-cocosecret.install
	$(call fill_in,initrd/kernel-postinst.in,755,$(KERNELHOOKDIR)/postinst.d/zz-cocosecret-initrd)
	$(call fill_in,initrd/kernel-postrm.in,755,$(KERNELHOOKDIR)/postrm.d/zz-cocosecret-initrd)

# Everything that make check needs, as packages; and what a build needs, a boot.
.PHONY: deps build-deps boot-deps
deps:
	$(Q)tests/deps.sh all
build-deps boot-deps: %-deps:
	$(Q)tests/deps.sh $*

# Tests marked spare begin within this many seconds, or are left to check-slow:
# one and the same machine can be four times slower than it was an hour before.
BUDGET ?= 1380

.PHONY: check
check:
	$(Q)COCOSECRET_DEADLINE=$$(($$(date +%s) + $(BUDGET))) && \
		export COCOSECRET_DEADLINE && \
		$(MAKE) --no-print-directory deps && \
		$(MAKE) --no-print-directory run-check

# pytest.ini has the options that every run shares.
PYTEST = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q -n 2

# What is built here is what the tests then share; warnings are errors.
.PHONY: run-check
run-check:
	$(Q)$(MAKE) --no-print-directory -j $$(nproc) all unit fuzz-build CFLAGS='$(CFLAGS) -Werror'
	$(Q)$(PYTEST) -m 'not slow' tests

check-slow check-matrix: PYTEST += --timeout 5400

# What make check has no time for: more ways to fail, boot and resume.
.PHONY: check-slow
check-slow: deps all unit
	$(Q)$(PYTEST) -m 'slow or spare' tests

# Every Debian with every initramfs on either firmware. What has passed with
# the same source is not run again: MATRIX= names cells or suites, "attacks", "host"
# too, and rm -r $(BUILD)/matrix begins anew.
MATRIX ?= all

.PHONY: check-matrix matrix-table
check-matrix: deps all
	$(Q)MATRIX='$(MATRIX)' $(PYTEST) --dist loadgroup tests/vm/test_matrix.py; \
		status=$$?; $(vm_python) -m harness.matrix; exit $$status

# How much an auditor reads, into SECURITY.md.
.PHONY: audit-lines
audit-lines:
	$(Q)PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/audit.py

# What cocosecret audit finds in Debian's cloud images, into doc/.
.PHONY: audit-cloud
audit-cloud: unlock
	$(Q)$(vm_python) -m harness.cloudaudit

# Puts it into doc/tested.md.
matrix-table:
	$(Q)$(vm_python) -m harness.matrix page

# Our programs, the others, and the floor: BENCH= names parts, separated by commas.
.PHONY: bench
bench: deps all
	$(Q)$(MAKE) --no-print-directory run-bench

# Boots in a row, each with a scene drawn by lot, into doc/long-runs.md.
BOOTS ?= 1000
SEED  ?= 1
.PHONY: long-run
long-run: deps all
	$(Q)$(vm_python) -m attacks.longrun $(BOOTS) $(SEED)

# Changes of one volume's key in a row, most of them killed, into the same page.
ROTATIONS ?= 100
.PHONY: long-rotate
long-rotate: deps all
	$(Q)$(vm_python) -m attacks.rotations $(ROTATIONS) $(SEED)

# All of it at one commit, with a page that tells of it; see doc/releasing.md.
.PHONY: release-check
release-check: deps
	$(Q)$(vm_python) -m harness.release

.PHONY: fuzz
fuzz:
	$(Q)$(MAKE) --no-print-directory fuzz-short \
		FUZZ_SECONDS=$(if $(filter file,$(origin FUZZ_SECONDS)),600,$(FUZZ_SECONDS))

.PHONY: demo
demo: boot-deps
	$(Q)$(MAKE) --no-print-directory run-demo

# A disk of yours, where a launch secret is stood in for.
.PHONY: boot
boot: boot-deps
	$(Q)$(MAKE) --no-print-directory run-boot

# The README's picture, from its text.
.PHONY: picture
picture: deps
	dot -Tsvg doc/flow.dot -o doc/flow.svg

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: help
help:
	@echo 'make                 programs, stub and kernel module (KVER=$(KVER))'
	@echo 'make install         all of it (DESTDIR=, PREFIX=$(PREFIX), KVER=)'
	@echo 'make install-strip   the same without debugging symbols'
	@echo 'make install-unlock  install-completions  install-units  install-plugin'
	@echo '                     install-dracut  install-initramfs  install-initrd'
	@echo '                     install-stub  install-module'
	@echo 'make demo            boot an encrypted root and show what happened'
	@echo '                     (FIRMWARE=stock or amdsev)'
	@echo 'make boot            boot DISK= with TABLE=, KERNEL= and INITRD= of yours'
	@echo '                     (APPEND=, MEMORY=2048, FIRMWARE=)'
	@echo 'make check           every test, with a counted result'
	@echo 'make check-slow      the tests that take too long for it'
	@echo 'make check-kernels   the module on the kernels of Debian 12, 13 and unstable'
	@echo 'make deb  make rpm    packages, into build/deb and build/rpm'
	@echo 'make check-packages  install, upgrade and purge them in Debian 12 and 13'
	@echo 'make check-matrix     boot Debian 12, 13 and unstable with each initramfs'
	@echo 'make matrix-table     put the results into doc/tested.md'
	@echo 'make audit-cloud     write doc/audit-of-a-cloud-image.md'
	@echo 'make audit-lines     count the lines that SECURITY.md names'
	@echo 'make bench           measure us beside the others (BENCH=, see tests/bench)'
	@echo 'make release-check    all that a release needs, and doc/release.md of it'
	@echo 'make long-run        boot again and again, each time another scene (BOOTS=, SEED=)'
	@echo 'make long-rotate     change one key again and again, and kill it (ROTATIONS=, SEED=)'
	@echo 'make dist            the source of the newest commit, into build/'
	@echo 'make picture         draw doc/flow.svg from doc/flow.dot'
	@echo 'make prove           what hostile bytes reach, with CBMC (PROVE=, see tests/prove)'
	@echo 'make fuzz            the fuzzers, FUZZ_SECONDS=600 each'
	@echo 'make deps            install the Debian packages that these need'
	@echo 'make build-deps      only those that make and make deb need'
	@echo 'make clean           remove build/'
	@echo 'V=1 shows the commands.'
