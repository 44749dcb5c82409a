# Fuzz targets with libFuzzer, AddressSanitizer and UBSan. Findings and new corpus go below build/.

BUILD        ?= build
CLANG        ?= clang
FUZZ_SECONDS ?= 10

fuzz_names := table cocotab cmdline seal token policy uevent anchor stub http kbs jwe evidence broker base64 courier
fuzz_dir   := $(BUILD)/tests/fuzz
fuzz_bins  := $(addprefix $(fuzz_dir)/,$(fuzz_names))
fuzz_flags := -std=gnu11 -O1 -g -Wall -Wextra -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
fuzz_rooms := $(addprefix $(fuzz_dir)/rooms/,header.a config.a lib.a)

$(eval $(call compiled_rooms,$(fuzz_dir)/rooms,$(CLANG) $(fuzz_flags) $(unlock_cppflags)))

.PHONY: fuzz-build fuzz-short
fuzz-build: $(fuzz_bins)

fuzz-short: $(addprefix fuzz-run-,$(fuzz_names))

.PHONY: $(addprefix fuzz-run-,$(fuzz_names))
$(addprefix fuzz-run-,$(fuzz_names)): fuzz-run-%: $(fuzz_dir)/%
	$(call say,FUZZ,$* for $(FUZZ_SECONDS) s)
	$(Q)mkdir -p $(fuzz_dir)/corpus/$*
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -max_len=70000 -len_control=1 -timeout=5 \
		-print_final_stats=1 -artifact_prefix=$(fuzz_dir)/$*- $(fuzz_dir)/corpus/$* \
		tests/fuzz/corpus/$* > $(fuzz_dir)/$*.log 2>&1 || \
		{ tail -n 60 $(fuzz_dir)/$*.log; exit 1; }
	$(Q)sed -n 's/^stat::number_of_executed_units: */fuzz $*: no finding in /p' \
		$(fuzz_dir)/$*.log

$(fuzz_dir)/table: tests/fuzz/table.c module/table.c module/table.h | $(fuzz_dir)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(fuzz_flags) $(unlock_cppflags) -o $@ $(filter %.c,$^)

$(addprefix $(fuzz_dir)/,cocotab cmdline seal token policy anchor broker base64): $(fuzz_dir)/%: tests/fuzz/%.c $(fuzz_rooms) | $(fuzz_dir)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(fuzz_flags) $(unlock_cppflags) -o $@ $< $(fuzz_rooms) $(owner_libs)

$(fuzz_dir)/uevent: tests/fuzz/uevent.c unlock/init/uevent.c | $(fuzz_dir)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(fuzz_flags) $(unlock_cppflags) -o $@ $^

# Of agent/ a parser alone: the whole room has a program in it.
fuzz_of_agent = $(patsubst %,unlock/agent/%.c,$(fuzz_agent_$(@F)))
fuzz_agent_http     := http
fuzz_agent_kbs      := kbs
fuzz_agent_jwe      := jwe
fuzz_agent_evidence := snp tdx
fuzz_agent_courier  := courier http stop

$(addprefix $(fuzz_dir)/,http kbs jwe evidence courier): $(fuzz_dir)/%: tests/fuzz/%.c $(wildcard unlock/agent/*.[ch]) $(fuzz_rooms) | $(fuzz_dir)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(fuzz_flags) $(unlock_cppflags) -o $@ $< $(fuzz_of_agent) $(fuzz_rooms) $(owner_libs)

$(fuzz_dir)/stub: tests/fuzz/stub.c $(stub_plain:%=stub/%.c) | $(fuzz_dir)
	$(call say,CLANG,$@)
	$(Q)$(CLANG) $(fuzz_flags) -fno-sanitize=alignment $(unlock_cppflags) -o $@ $^

$(fuzz_dir):
	$(Q)mkdir -p $@
