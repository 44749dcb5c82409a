# Unit tests with cmocka. They need no root, no device-mapper and no network.

BUILD ?= build

unit_names   := guid machine module crypttab closing volume cocotab cmdline config table build secret device plan state load child attempt verify_root policy seal enroll rotate volume_key settle keygen guest plugin agent wipe identity discover lock copies tree uevent base64 anchor signature stub http jwe kbs broker evidence courier pins stop
unit_plain   := remanence shortage confine
unit_dir     := $(BUILD)/tests/unit
unit_bins    := $(addprefix $(unit_dir)/,$(unit_names) $(unit_plain))
unit_san     := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
unit_libs     = $(unlock_libs) $(owner_libs) -lcmocka
unit_cflags  := -Wno-missing-prototypes -Wno-sign-conversion -Wno-conversion

$(unit_dir)/objects/plugin.o: unit_cflags += -DPLUGIN_PATH='"$(abspath $(plugin))"'
$(unit_dir)/plugin: | $(plugin)

.PHONY: unit run-unit
unit: $(unit_bins)

run-unit: unit
	$(Q)failed=; for test in $(unit_bins); do $$test || failed="$$failed $${test##*/}"; done; \
	if [ -n "$$failed" ]; then echo "unit tests failed:$$failed"; exit 1; fi

# What a test defines itself takes the place of a room's.
# init/ does without udev what boot/ does with it, tls/ what agent/ leaves to another program.
unit_rooms    = $(patsubst %,$(unit_dir)/rooms/%.a,$(filter-out init tls,$(rooms)))
$(addprefix $(unit_dir)/,$(unit_names)): $(unit_dir)/%: $(unit_dir)/objects/%.o $(unit_dir)/objects/support.o $(unit_dir)/objects/sealed.o $(unit_rooms)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unit_san) $(LDFLAGS) -o $@ $^ $(unit_libs)

$(unit_dir)/uevent: $(unit_dir)/objects/init_uevent.o
$(unit_dir)/objects/init_uevent.o: unlock/init/uevent.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(unit_compile) -MMD -MP -c -o $@ $<

# Without the firmware, and with the bytecode that it is given.
$(unit_dir)/objects/stub.o: unit_cflags += -DDSDT_PATH='"$(abspath $(BUILD)/stub/dsdt.aml)"'
$(unit_dir)/objects/stub.o: $(BUILD)/stub/dsdt.aml
$(unit_dir)/stub: $(patsubst %,$(unit_dir)/objects/stub_%.o,$(filter-out pe,$(stub_plain)))
$(unit_dir)/objects/stub_%.o: stub/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(unit_compile) -MMD -MP -c -o $@ $<

# What a key leaves behind, and what a failing allocation does, can be seen in the real objects
# only: the sanitizers keep freed memory, and allocate for themselves.
$(addprefix $(unit_dir)/,$(unit_plain)): $(unit_dir)/%: tests/unit/%.c tests/unit/support.c $(patsubst %,$(BUILD)/unlock/%.a,$(filter-out init tls,$(rooms)))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(unlock_cppflags) $(CPPFLAGS) $(unlock_cflags) $(unit_cflags) $(CFLAGS) \
		$(unlock_ldflags) $(LDFLAGS) -o $@ $^ $(unit_libs)

unit_compile = $(CC) $(unlock_cppflags) $(CPPFLAGS) $(unlock_cflags) $(CFLAGS) $(unit_san)
$(eval $(call compiled_rooms,$(unit_dir)/rooms,$$(unit_compile)))

$(unit_dir)/objects/%.o: tests/unit/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(unit_compile) $(unit_cflags) -MMD -MP -c -o $@ $<

-include $(wildcard $(unit_dir)/objects/*.d)
