# Packages: Debian's and RPMs. Both are built from a copy of the source, so
# that what was built here before does not matter.

DEB_DIR ?= $(BUILD)/deb
RPM_DIR ?= $(BUILD)/rpm
DKMSDIR  = /usr/src/efi_secret-$(VERSION)
# Fedora's kernels have an efi_secret of their own; see rpm/cocosecret.spec.in.
RPM_WITH ?= --with dkms

# What dkms builds for each kernel.
.PHONY: install-dkms
install-dkms:
	$(INSTALL) -d $(DESTDIR)$(DKMSDIR)
	$(INSTALL) -m 644 $(MODULE_SOURCES) $(DESTDIR)$(DKMSDIR)
	sed 's/#MODULE_VERSION#/$(VERSION)/' module/dkms.conf > $(DESTDIR)$(DKMSDIR)/dkms.conf
	chmod 644 $(DESTDIR)$(DKMSDIR)/dkms.conf

# The time of the newest entry in debian/changelog: the same source makes the same files.
source_time = sed -n '/^ -- /{s/.*>  //p;q}' debian/changelog

# The source as it is here, on standard output.
source_tar = tar -c --exclude-vcs --exclude=./build --exclude=__pycache__ \
	--sort=name --owner=0 --group=0 --numeric-owner \
	--mtime="$$($(source_time))" --mode=go-w,a+rX \
	--transform='s,^\.,cocosecret-$(VERSION),' .

# Neither settings nor flags of this make are the package's.
clean_make_env := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES

# $(call logged,COMMAND,LOG)
logged = ( $(1) ) > $(2) 2>&1 || { tail -n 30 $(2); exit 1; }

# The same, and says how far it is.
progress = rm -f $(2).ok; ( ( $(1) ) && : > $(2).ok ) 2>&1 | tee $(2) | \
		sed -un 's/^ *\(dh_[a-z_]*\).*/          \1/p'; \
	rm $(2).ok 2>/dev/null || { tail -n 30 $(2); exit 1; }

# VERSION= builds under another number, as an upgrade would have it.
.PHONY: deb
deb: build-deps
	$(call say,DEB,$(DEB_DIR))
	$(Q)rm -rf $(DEB_DIR) && mkdir -p $(DEB_DIR)
	$(Q)$(source_tar) | tar -xp -C $(DEB_DIR)
	$(Q)sed -i '1s/(.*)/($(VERSION))/' $(DEB_DIR)/cocosecret-$(VERSION)/debian/changelog
	$(Q)$(call progress,cd $(DEB_DIR)/cocosecret-$(VERSION) && \
		$(clean_make_env) dpkg-buildpackage -us -uc,$(DEB_DIR)/build.log)

# A source RPM tells in which folder and by whom it was made (rpm 4.18), so the others are
# made without it: rpmbuild -ba would put its hash into each.
.PHONY: rpm
rpm:
	$(call say,RPM,$(RPM_DIR))
	$(Q)rm -rf $(RPM_DIR) && mkdir -p $(RPM_DIR)/SOURCES $(RPM_DIR)/SPECS
	$(Q)sed "s/@VERSION@/$(VERSION)/; s/@DATE@/$$(LC_ALL=C date -ud "$$($(source_time))" '+%a %b %d %Y')/" \
		rpm/cocosecret.spec.in > $(RPM_DIR)/SPECS/cocosecret.spec
	$(Q)$(source_tar) | gzip -n > $(RPM_DIR)/SOURCES/cocosecret-$(VERSION).tar.gz
	$(Q)$(call logged,for what in -bs -bb; do \
		$(clean_make_env) SOURCE_DATE_EPOCH="$$(date -d "$$($(source_time))" +%s)" \
		rpmbuild $$what $(RPM_WITH) $(RPM_HERE) $(RPM_SAME) \
		--define '_topdir $(abspath $(RPM_DIR))' $(RPM_DIR)/SPECS/cocosecret.spec || exit; \
		done,$(RPM_DIR)/build.log)

# A machine without an RPM database cannot say what is installed, and Debian's
# rpmbuild has no debugging packages.
RPM_HERE := $(if $(wildcard /etc/debian_version),--nodeps --define 'debug_package %{nil}')

# Neither the machine nor the hour is part of a package.
RPM_SAME = --define '_buildhost localhost' --define 'use_source_date_epoch_as_buildtime 1' \
	--define 'clamp_mtime_to_source_date_epoch 1' --define 'source_date_epoch_from_changelog 0'

# What a release is made of: the tree of the newest commit.
.PHONY: dist
dist:
	$(Q)mkdir -p $(BUILD)
	$(Q)git archive --prefix=cocosecret-$(VERSION)/ HEAD > $(BUILD)/dist.tar
	$(Q)gzip -9n < $(BUILD)/dist.tar > $(BUILD)/cocosecret-$(VERSION).tar.gz && rm $(BUILD)/dist.tar
	$(call say,DIST,$(BUILD)/cocosecret-$(VERSION).tar.gz)

.PHONY: lint-deb lint-rpm
lint-deb:
	$(Q)lintian -EvI --pedantic --fail-on error,warning $(DEB_DIR)/*.changes

lint-rpm:
	$(Q)rpmlint --strict --config rpm/rpmlint.toml $(RPM_DIR)/SPECS/cocosecret.spec \
		$(RPM_DIR)/RPMS/*/*.rpm

# Installs, upgrades and purges in systems of these Debian suites.
PACKAGE_SUITES ?= bookworm trixie

.PHONY: check-packages
check-packages: deps
	$(Q)PACKAGE_SUITES='$(PACKAGE_SUITES)' $(PYTEST) tests/vm/test_packages.py
