# cocosecret: builds, installs and tests everything. `make help` lists what
# there is to make; what a packager may set is set with ?=.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
# Where dracut and systemd look does not depend on PREFIX.
UNITDIR  ?= /usr/lib/systemd/system
LIBEXEC  ?= /usr/lib/cocosecret
DRACUTDIR ?= /usr/lib/dracut/modules.d
INITRAMFSDIR ?= /usr/share/initramfs-tools
DRACUTCONFDIR ?= /usr/lib/dracut/dracut.conf.d
DESTDIR  ?=

CC         ?= cc
CFLAGS     ?= -O2 -g
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3
INSTALL    ?= install
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
all: unlock module

include module/module.mk
include unlock/unlock.mk
include tests/unit/unit.mk
include tests/fuzz/fuzz.mk
include tests/firmware/firmware.mk
include tests/vm/vm.mk
include tests/kernels/kernels.mk
include tests/lint.mk
include packaging.mk

.PHONY: install
install: install-unlock install-dracut install-initramfs install-module

.PHONY: install-unlock
install-unlock: unlock
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXEC) \
		$(addprefix $(DESTDIR)$(MANDIR)/man,1 4 5 8)
	$(INSTALL) $(BUILD)/cocosecret $(BUILD)/cocosecret-unlock \
		$(DESTDIR)$(BINDIR)
	$(INSTALL) $(BUILD)/cocosecret-generator $(DESTDIR)$(LIBEXEC)
	$(INSTALL) -m 644 man/*.1 $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 man/*.4 $(DESTDIR)$(MANDIR)/man4
	$(INSTALL) -m 644 man/*.5 $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -m 644 man/*.8 $(DESTDIR)$(MANDIR)/man8

# $(call fill_in,TEMPLATE,MODE,FILE)
define fill_in
sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@LIBEXEC@|$(LIBEXEC)|' $(1) > $(DESTDIR)$(3)
chmod $(2) $(DESTDIR)$(3)

endef

failing_units := $(addprefix cocosecret-,$(addsuffix .service,unlock verify-root verify-mounts))
dracut_units  := $(failing_units) cocosecret-shell.service
close_files   := closed.service debug.conf

.PHONY: install-dracut
install-dracut:
	$(INSTALL) -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DRACUTDIR)/50cocosecret \
		$(DESTDIR)$(DRACUTDIR)/99zz-cocosecret $(DESTDIR)$(DRACUTCONFDIR) \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(addsuffix .d,$(failing_units)))
	$(INSTALL) -m 644 dracut/50-cocosecret.conf $(DESTDIR)$(DRACUTCONFDIR)
	$(foreach unit,$(dracut_units),$(call fill_in,dracut/$(unit).in,644,$(UNITDIR)/$(unit)))
	$(foreach unit,$(failing_units),$(call \
		fill_in,dracut/cocosecret-fail.conf.in,644,$(UNITDIR)/$(unit).d/zz-fail.conf))
	$(call fill_in,dracut/module-setup.sh.in,755,$(DRACUTDIR)/50cocosecret/module-setup.sh)
	$(foreach hook,unlock verify wipe emergency,$(call fill_in,dracut/plain/$(hook).sh.in,755,$(DRACUTDIR)/50cocosecret/$(hook).sh))
	$(INSTALL) dracut/plain/finished.sh dracut/plain/root.sh $(DESTDIR)$(DRACUTDIR)/50cocosecret
	$(foreach file,$(close_files),$(call \
		fill_in,dracut/close/$(file).in,644,$(DRACUTDIR)/99zz-cocosecret/$(file)))
	$(call fill_in,dracut/cocosecret-fail.conf.in,644,$(DRACUTDIR)/99zz-cocosecret/fail.conf)
	$(INSTALL) dracut/close/module-setup.sh $(DESTDIR)$(DRACUTDIR)/99zz-cocosecret

initramfs_scripts := cocosecret $(addsuffix /cocosecret,local-top local-bottom init-bottom)

.PHONY: install-initramfs
install-initramfs:
	$(INSTALL) -d $(addprefix $(DESTDIR)$(INITRAMFSDIR)/,hooks \
		scripts/local-top scripts/local-bottom scripts/init-bottom)
	$(call fill_in,initramfs-tools/hook.in,755,$(INITRAMFSDIR)/hooks/cocosecret)
	$(foreach script,$(initramfs_scripts),$(call fill_in,initramfs-tools/scripts/$(script).in,$(if $(findstring /,$(script)),755,644),$(INITRAMFSDIR)/scripts/$(script)))

# Everything that make check and make demo need, as packages.
.PHONY: deps
deps:
	$(Q)tests/deps.sh

.PHONY: check
check: deps
	$(Q)$(MAKE) --no-print-directory run-check

PYTEST = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q -rs -p no:cacheprovider \
	-n 2

# What is built here is what the tests then share; warnings are errors.
.PHONY: run-check
run-check:
	$(Q)$(MAKE) --no-print-directory all unit fuzz-build CFLAGS='$(CFLAGS) -Werror'
	$(Q)$(PYTEST) -m 'not slow' tests

# What make check has no time for: more ways to fail, boot and resume.
.PHONY: check-slow
check-slow: deps all unit
	$(Q)$(PYTEST) -m slow tests

.PHONY: fuzz
fuzz:
	$(Q)$(MAKE) --no-print-directory fuzz-short \
		FUZZ_SECONDS=$(if $(filter file,$(origin FUZZ_SECONDS)),600,$(FUZZ_SECONDS))

.PHONY: demo
demo: deps
	$(Q)$(MAKE) --no-print-directory run-demo

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: help
help:
	@echo 'make                 the programs and the kernel module (KVER=$(KVER))'
	@echo 'make install         all of it (DESTDIR=, PREFIX=$(PREFIX), KVER=)'
	@echo 'make install-unlock  install-dracut  install-initramfs  install-module'
	@echo 'make demo            boot an encrypted root and show what happened'
	@echo '                     (FIRMWARE=stock or amdsev)'
	@echo 'make check           every test, with a counted result'
	@echo 'make check-slow      the tests that take too long for it'
	@echo 'make check-kernels   the module on the kernels of Debian 12, 13 and unstable'
	@echo 'make deb  make rpm    packages, into build/deb and build/rpm'
	@echo 'make check-packages  install, upgrade and purge them in Debian 12 and 13'
	@echo 'make fuzz            the fuzzers, FUZZ_SECONDS=600 each'
	@echo 'make deps            install the Debian packages that these need'
	@echo 'make clean           remove build/'
	@echo 'V=1 shows the commands.'
