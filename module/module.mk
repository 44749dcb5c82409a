# The kernel module, built in a copy of its own for each kernel.

MODULE_SOURCES := $(wildcard module/*.[ch]) module/Kbuild
MODULE_BUILD   := $(BUILD)/module/$(KVER)
MODULE         := $(MODULE_BUILD)/efi_secret.ko
MODULEDIR      ?= /lib/modules/$(KVER)/updates

.PHONY: module
module: $(MODULE)

$(MODULE): $(MODULE_SOURCES)
	$(if $(call have_build,$(KVER)),,$(error no kernel headers for \
		'$(KVER)': apt-get install linux-headers-cloud-amd64, or set KVER=))
	$(call say,KMOD,$@)
	$(Q)mkdir -p $(MODULE_BUILD)
	$(Q)cp $(MODULE_SOURCES) $(MODULE_BUILD)
	$(Q)$(MAKE) --no-print-directory -s -C $(KERNELDIR) \
		M=$(CURDIR)/$(MODULE_BUILD) W=1 CONFIG_DEBUG_INFO_BTF_MODULES= modules
	$(Q)strip --strip-debug $@

# sparse over the same sources, in a copy so that the build stays as it is
.PHONY: module-sparse
module-sparse:
	$(Q)rm -rf $(BUILD)/module/sparse && mkdir -p $(BUILD)/module/sparse
	$(Q)cp $(MODULE_SOURCES) $(BUILD)/module/sparse
	$(Q)$(MAKE) --no-print-directory -s -C $(KERNELDIR) \
		M=$(CURDIR)/$(BUILD)/module/sparse W=1 C=2 \
		CF='-D__CHECK_ENDIAN__ -Wsparse-error' \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules

.PHONY: install-module
install-module: $(MODULE)
	$(INSTALL) -d $(DESTDIR)$(MODULEDIR)
	$(INSTALL) -m 644 $(MODULE) $(DESTDIR)$(MODULEDIR)
	if [ -e $(DESTDIR)/lib/modules/$(KVER)/modules.order ]; then \
		depmod $(if $(DESTDIR),-b $(DESTDIR)) $(KVER); fi
