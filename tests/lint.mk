# Static checks. Each target prints nothing when all is well.

LINT_C    = $(wildcard unlock/*/*.c module/table.c tests/harness/guest/*.c tests/bench/*.c) $(stub_plain:%=stub/%.c)
# What only a firmware runs.
LINT_EFI  = $(stub_efi:%=stub/%.c)
LINT_SH   = $(wildcard tests/*.sh tests/*/*.sh tests/harness/guest/*.sh .ci/run examples/*/*.sh examples/*/*/*.sh examples/*/mkosi.build.chroot examples/*/mkosi.profiles/*/*.chroot examples/fleet/tables)
LINT_BOOT = $(wildcard initrd/*.in dracut/plain/*.sh dracut/plain/*.in initramfs-tools/*.in initramfs-tools/scripts/*.in initramfs-tools/scripts/*/*.in)
LINT_BASH = completions/cocosecret.bash dracut/module-setup.sh.in dracut/close/module-setup.sh.in dracut/50-cocosecret.conf
LINT_FLAGS = -std=gnu11 $(unlock_cppflags) $(shell $(PKG_CONFIG) --cflags $(unlock_packages))

.PHONY: lint-tidy lint-cppcheck lint-sparse lint-shell lint-man lint-spell
# Files and flags.
tidy = clang-tidy --quiet --warnings-as-errors='*' $(1) -- $(2) 2>&1 | \
	grep -v -e 'warnings\? generated' -e '^$$' -e '^Suppressed ' \
	-e '^Use -header-filter' ; [ $$? = 1 ]

lint-tidy:
	$(Q)$(call tidy,$(LINT_C),$(LINT_FLAGS))
	$(Q)$(call tidy,$(LINT_EFI),$(filter-out -maccumulate-outgoing-args -fno-stack-check,$(stub_cflags)))

lint-cppcheck:
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem -j 2 \
		-D__x86_64__ -Imodule -Istub -Iunlock $(LINT_C) $(LINT_EFI)

lint-sparse: module-sparse

lint-shell:
	$(Q)shellcheck $(LINT_SH)
	$(Q)shellcheck -s sh $(LINT_BOOT)
	$(Q)shellcheck -s bash $(LINT_BASH)

lint-man:
	$(Q)mandoc -Tlint -Wwarning man/*.[1-8]

lint-spell:
	$(Q)tests/spell.sh
