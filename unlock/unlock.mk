# The C programs: cocosecret, cocosecret-unlock, -generator and -image; the token plugin.

BUILD      ?= build
LIBEXEC    ?= /usr/lib/cocosecret
PKG_CONFIG ?= pkg-config
VERSION    ?= 0
CFLAGS     ?= -Os -g

# From the top down: a room uses those that come after it.
rooms := init tls agent boot owner audit plugin image generator root header config lib absent

unlock_cppflags := -D_GNU_SOURCE -DCOCOSECRET_VERSION='"$(VERSION)"' \
	-DCLOSED_PATH='"$(LIBEXEC)/closed"' -DLIBEXEC_PATH='"$(LIBEXEC)"' -Imodule -Istub -Iunlock
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
unlock_cflags   += $(shell $(PKG_CONFIG) --cflags $(unlock_packages) blkid 2>/dev/null)
unlock_libs      = $(shell $(PKG_CONFIG) --libs $(unlock_packages))
owner_libs       = $(shell $(PKG_CONFIG) --libs libcryptsetup json-c uuid libcrypto blkid libkmod)
agent_libs       = $(shell $(PKG_CONFIG) --libs json-c libcrypto libkmod uuid)
tls_libs         = $(shell $(PKG_CONFIG) --libs libssl)
volume_libs      = $(shell $(PKG_CONFIG) --libs uuid)

# The rooms, compiled into a folder; a file that comes or goes makes an archive anew: $1 is the folder, $2 what compiles.
define compiled_rooms
$1/%.o: unlock/%.c
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$2 -MMD -MP -c -o $$@ $$<

$(foreach room,$(rooms),$(eval $1/$(room).a: $(patsubst unlock/%.c,$1/%.o,$(wildcard unlock/$(room)/*.c)) unlock/$(room)))

# The table parser is the kernel module's file, that of programs the stub's.
$1/owner.a: $1/table.o $1/pe.o
$1/table.o: module/table.c
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$2 -MMD -MP -c -o $$@ $$<

$1/pe.o: stub/pe.c
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$2 -MMD -MP -c -o $$@ $$<

$(rooms:%=$1/%.a):
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@
	$$(Q)$(AR) rcs $$@ $$(filter %.o,$$^)

-include $$(wildcard $1/*.d $1/*/*.d)
endef

unlock_compile = $(CC) $(unlock_cppflags) $(unlock_fortify) $(CPPFLAGS) $(unlock_cflags) \
	$(small_cflags) $(CFLAGS)
$(eval $(call compiled_rooms,$(BUILD)/unlock,$$(unlock_compile)))
# For what others load.
$(eval $(call compiled_rooms,$(BUILD)/shared,$$(unlock_compile) -fPIC))

# What a program is made of: its room, and those below that it uses.
in_rooms = $(patsubst %,$(BUILD)/$1/%.a,$2)
plugin   := $(BUILD)/libcryptsetup-token-cocosecret.so

absent   := $(BUILD)/cocosecret-absent.so

.PHONY: unlock
unlock: $(addprefix $(BUILD)/cocosecret,-unlock -generator -image -init -agent -agent-tls) $(BUILD)/cocosecret $(plugin) $(absent)

$(BUILD)/cocosecret-unlock: $(call in_rooms,unlock,boot generator root header config lib)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(unlock_libs)

$(BUILD)/cocosecret: $(call in_rooms,unlock,owner audit root header config lib)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(owner_libs)

$(BUILD)/cocosecret-generator: $(call in_rooms,unlock,generator root config lib)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(volume_libs)

# For whoever makes an initramfs, which itself has no need of it.
$(BUILD)/cocosecret-image: $(call in_rooms,unlock,image generator root header config lib)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(owner_libs)

# Of the rooms above it needs nothing that needs libcryptsetup.
$(BUILD)/cocosecret-agent: $(call in_rooms,unlock,agent boot generator root header config lib)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs)

# The same with TLS, for images with a broker behind https://; no other has libssl.
$(BUILD)/cocosecret-agent-tls: $(call in_rooms,unlock,tls agent boot generator root header config lib)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ -Wl,--whole-archive $< \
		-Wl,--no-whole-archive $(filter-out $<,$^) $(tls_libs) $(agent_libs)

# For a try against a broker, on any machine: its evidence proves nothing. Never installed.
$(BUILD)/cocosecret-agent-sample: unlock/agent/evidence.c $(call in_rooms,unlock,tls agent boot generator root header config lib)
	$(call say,LD,$@)
	$(Q)$(unlock_compile) -DCOCOSECRET_SAMPLE $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ $^ $(tls_libs) \
		$(agent_libs)

# Its own way of finding devices takes the place of udev's.
$(BUILD)/cocosecret-init: $(call in_rooms,unlock,init boot generator root header config lib)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unlock_ldflags) $(small_ldflags) $(LDFLAGS) -o $@ -Wl,--whole-archive $< \
		-Wl,--no-whole-archive $(filter-out $<,$^) -Wl,--as-needed $(unlock_libs) $(owner_libs)

# Only the symbols that libcryptsetup asks for are seen from outside: these are all that is linked.
plugin_map := unlock/plugin/plugin.map
$(plugin): $(call in_rooms,shared,plugin header config lib) $(plugin_map)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-z,relro,-z,now,-z,defs $(small_ldflags) \
		-Wl,--version-script=$(plugin_map) $(LDFLAGS) -o $@ \
		-Wl,--whole-archive $(BUILD)/shared/plugin.a -Wl,--no-whole-archive \
		$(call in_rooms,shared,header config lib) $(owner_libs)

# It needs no library itself, not even libc.
absent_map := unlock/absent/absent.map
$(absent): $(BUILD)/shared/absent.a $(absent_map)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared -nostdlib -Wl,-z,relro,-z,now,-z,defs $(small_ldflags) \
		-Wl,--version-script=$(absent_map) $(LDFLAGS) -o $@ \
		-Wl,--whole-archive $< -Wl,--no-whole-archive
