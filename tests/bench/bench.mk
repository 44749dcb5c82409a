# Measures us beside the others. BENCH= names parts; what each found is kept in
# build/bench, so that parts can be run one at a time. BENCH_ROUNDS=1 boots each
# image once only.

BENCH ?= all

bench_cflags := -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror

.PHONY: bench-programs run-bench
bench-programs: $(addprefix $(BUILD)/bench/,stopwatch loadtime floor library recover)

$(BUILD)/bench/library: bench_ldlibs = $(shell $(PKG_CONFIG) --libs libcryptsetup)
$(BUILD)/bench/stopwatch $(BUILD)/bench/loadtime $(BUILD)/bench/floor: bench_ldflags = -static

$(BUILD)/bench/%: tests/bench/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(bench_cflags) $(bench_ldflags) -o $@ $< $(bench_ldlibs)

# The unlocker's own objects, in one program that stops before the mapping.
$(BUILD)/bench/recover: tests/bench/recover.c $(call in_rooms,unlock,header config lib)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(bench_cflags) -Iunlock $(small_cflags) $(unlock_ldflags) $(small_ldflags) -o $@ $^ $(owner_libs)

run-bench:
	$(Q)$(vm_python) -m bench '$(BENCH)'

# What was measured becomes the tables of doc/benchmarks.md, and its picture.
.PHONY: bench-page
bench-page:
	$(Q)$(vm_python) -m bench none page
