# Unit tests with cmocka. They need no root, no device-mapper and no network.

BUILD ?= build

unit_names   := guid closing volume cocotab cmdline config table build secret device plan state header child attempt verify_root policy seal enroll rotate volume_key settle keygen guest plugin agent wipe identity discover lock copies
unit_plain   := remanence shortage
unit_dir     := $(BUILD)/tests/unit
unit_bins    := $(addprefix $(unit_dir)/,$(unit_names) $(unit_plain))
unit_parts   := $(filter-out log,$(boot_parts)) $(filter-out $(boot_parts),$(owner_parts)) table plugin closing
unit_objects := $(addprefix $(unit_dir)/objects/,$(addsuffix .o,$(unit_parts) support sealed))
unit_san     := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# What opens volumes is replaced by the test of what waits for them.
unit_faked_attempt := $(addprefix $(unit_dir)/objects/,device.o open.o)
# Devices are image files there.
unit_faked_discover := $(unit_dir)/objects/device.o
# Where the secrets are is the test's own affair; the file is tried as well.
unit_faked_plugin := $(addprefix $(unit_dir)/objects/,source.o securityfs.o agent.o wipe.o)
# What becomes of a machine that has none, or does not say.
unit_faked_wipe := $(addprefix $(unit_dir)/objects/,source.o module.o)
unit_libs     = $(unlock_libs) $(owner_libs) -lcmocka
unit_cflags  := -Wno-missing-prototypes -Wno-sign-conversion -Wno-conversion

$(unit_dir)/objects/test_plugin.o: unit_cflags += -DPLUGIN_PATH='"$(abspath $(plugin))"'
$(unit_dir)/plugin: | $(plugin)

.PHONY: unit run-unit
unit: $(unit_bins)

run-unit: unit
	$(Q)failed=; for test in $(unit_bins); do $$test || failed="$$failed $${test##*/}"; done; \
	if [ -n "$$failed" ]; then echo "unit tests failed:$$failed"; exit 1; fi

$(addprefix $(unit_dir)/,$(unit_names)): $(unit_dir)/%: $(unit_dir)/objects/test_%.o $(unit_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(unit_san) $(LDFLAGS) -o $@ $(filter-out $(unit_faked_$*),$^) $(unit_libs)

# What a key leaves behind, and what a failing allocation does, can be seen in the real objects
# only: the sanitizers keep freed memory, and allocate for themselves.
plain_objects := $(addprefix $(BUILD)/unlock/,$(addsuffix .o,$(filter-out log,$(boot_parts))))
$(addprefix $(unit_dir)/,$(unit_plain)): $(unit_dir)/%: tests/unit/%.c tests/unit/support.c $(plain_objects)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(unlock_cppflags) $(CPPFLAGS) $(unlock_cflags) $(unit_cflags) $(CFLAGS) \
		$(unlock_ldflags) $(LDFLAGS) -o $@ $^ $(unit_libs)

unit_compile = $(Q)$(CC) $(unlock_cppflags) $(CPPFLAGS) $(unlock_cflags) $(CFLAGS) $(unit_san) \
	-MMD -MP -c -o $@ $<

$(unit_dir)/objects/test_%.o: tests/unit/%.c | $(unit_dir)/objects
	$(call say,CC,$<)
	$(unit_compile) $(unit_cflags)

$(unit_dir)/objects/support.o $(unit_dir)/objects/sealed.o: $(unit_dir)/objects/%.o: tests/unit/%.c | $(unit_dir)/objects
	$(call say,CC,$<)
	$(unit_compile) $(unit_cflags)

$(unit_dir)/objects/table.o: module/table.c | $(unit_dir)/objects
	$(call say,CC,$<)
	$(unit_compile)

$(unit_dir)/objects/%.o: %.c | $(unit_dir)/objects
	$(call say,CC,$<)
	$(unit_compile)

$(unit_dir)/objects:
	$(Q)mkdir -p $@

-include $(wildcard $(unit_dir)/objects/*.d)
