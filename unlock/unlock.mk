# The C programs: cocosecret-unlock, cocosecret, cocosecret-generator; the token plugin.

BUILD      ?= build
LIBEXEC    ?= /usr/lib/cocosecret
PKG_CONFIG ?= pkg-config
VERSION    ?= 0
CFLAGS     ?= -Os -g

# From the top down: a room uses those that come after it.
rooms := boot owner plugin generator root header config lib
vpath %.c unlock $(addprefix unlock/,$(rooms))

unlock_cppflags := -D_GNU_SOURCE -DCOCOSECRET_VERSION='"$(VERSION)"' \
	-DCLOSED_PATH='"$(LIBEXEC)/closed"' -Imodule -Iunlock $(addprefix -Iunlock/,$(rooms))
unlock_cflags   := -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wconversion -Werror=implicit -fstack-protector-strong -fPIE
unlock_fortify  := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
unlock_ldflags  := -pie -Wl,-z,relro,-z,now
# An initramfs is no place for what is never used. Debuggers have tables of their own.
small_cflags    := -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -fno-plt
# Constants share the code's pages, which costs nothing that -z now and RELRO are for.
small_ldflags   := -Wl,--gc-sections -Wl,-z,noseparate-code
# Older ones do not know the short form of relocations.
ifneq ($(shell printf 'glibc 2.36\n%s\n' "$$(getconf GNU_LIBC_VERSION)" | sort -CV && echo newer),)
small_ldflags   += -Wl,-z,pack-relative-relocs
endif

unlock_packages := libcryptsetup devmapper libudev libkmod json-c uuid libcrypto
unlock_cflags   += $(shell $(PKG_CONFIG) --cflags $(unlock_packages) blkid)
unlock_libs      = $(shell $(PKG_CONFIG) --libs $(unlock_packages))
owner_libs       = $(shell $(PKG_CONFIG) --libs libcryptsetup json-c uuid libcrypto blkid)
volume_libs      = $(shell $(PKG_CONFIG) --libs uuid)

# What decides whether a header is its owner's.
header_parts := canonical document token derive identity seal policy
# What is pure or small is shared; the rest is the boot program's alone.
volume_parts := text guid volume cmdline host file log exitcode
boot_parts   := $(volume_parts) cocotab config secret source agent securityfs module device \
	mapping state header $(header_parts) keyslot volume_key settle open plan warm child discover attempt \
	verify_mount verify_device verify_root failure wipe copies
owner_parts  := text guid volume secret terminal key_file output keygen table_file table_build table_show \
	table_check header $(header_parts) volume_key copies header_copy partition lock owner keyslot advice describe vouch reseal enroll rotate verify \
	file exitcode warm child mapping state guest list status

plugin_parts := text guid volume secret source $(header_parts) plugin

unlock_objects    := $(addprefix $(BUILD)/unlock/,$(addsuffix .o,$(boot_parts) unlock))
owner_objects     := $(addprefix $(BUILD)/unlock/,$(addsuffix .o,$(owner_parts) cocosecret table))
generator_objects := $(addprefix $(BUILD)/unlock/,$(addsuffix .o,$(volume_parts) closing preinit generator))
plugin_objects    := $(addprefix $(BUILD)/plugin/,$(addsuffix .o,$(plugin_parts)))
plugin            := $(BUILD)/libcryptsetup-token-cocosecret.so

.PHONY: unlock
unlock: $(BUILD)/cocosecret-unlock $(BUILD)/cocosecret $(BUILD)/cocosecret-generator $(plugin)

$(BUILD)/cocosecret-unlock: $(unlock_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(unlock_libs)

$(BUILD)/cocosecret: $(owner_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(owner_libs)

$(BUILD)/cocosecret-generator: $(generator_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(volume_libs)

plugin_map := $(wildcard unlock/plugin.map unlock/plugin/plugin.map)
# Only the symbols that libcryptsetup asks for are seen from outside.
$(plugin): $(plugin_objects) $(plugin_map)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-z,relro,-z,now,-z,defs $(small_ldflags) \
		-Wl,--version-script=$(plugin_map) $(LDFLAGS) -o $@ $(plugin_objects) $(owner_libs)

$(BUILD)/plugin/%.o: %.c | $(BUILD)/plugin
	$(call say,CC,$<)
	$(Q)$(CC) $(unlock_cppflags) $(unlock_fortify) $(CPPFLAGS) $(unlock_cflags) $(small_cflags) \
		$(CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(BUILD)/unlock/%.o: %.c | $(BUILD)/unlock
	$(call say,CC,$<)
	$(Q)$(CC) $(unlock_cppflags) $(unlock_fortify) $(CPPFLAGS) $(unlock_cflags) $(small_cflags) \
		$(CFLAGS) -MMD -MP -c -o $@ $<

# The table parser is the kernel module's file.
$(BUILD)/unlock/table.o: module/table.c | $(BUILD)/unlock
	$(call say,CC,$<)
	$(Q)$(CC) $(unlock_cppflags) $(unlock_fortify) $(CPPFLAGS) $(unlock_cflags) $(small_cflags) \
		$(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unlock $(BUILD)/plugin:
	$(Q)mkdir -p $@

-include $(wildcard $(BUILD)/unlock/*.d $(BUILD)/plugin/*.d)
