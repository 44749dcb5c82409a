# cocosecret-stub.efi, the wall in front of the kernel. What is plain C of it is also in
# cocosecret uki, the unit tests and the fuzzers.

BUILD  ?= build
CC     ?= cc
IASL   ?= iasl
EFIINC ?= /usr/include/efi
# Debian has them in /usr/lib, Fedora in /usr/lib/gnuefi.
EFILIB ?= $(patsubst %/crt0-efi-x86_64.o,%,$(firstword $(wildcard $(addsuffix /crt0-efi-x86_64.o,/usr/lib /usr/lib/gnuefi /usr/lib64/gnuefi)) /usr/lib/crt0-efi-x86_64.o))

stub_plain   := pe machine tables keep q35
stub_efi     := main firmware look kernel
stub_objects := $(addprefix $(BUILD)/stub/,$(addsuffix .o,$(stub_efi) $(stub_plain) dsdt))
# No compiler's idea of hardening fits a program without an operating system.
stub_cflags  := -std=gnu11 -Os -Wall -Wextra -Wshadow -Werror=implicit \
	-ffreestanding -fpic -fshort-wchar -fno-stack-protector -fno-stack-check -fcf-protection=none \
	-fno-asynchronous-unwind-tables -mno-red-zone -mgeneral-regs-only -maccumulate-outgoing-args \
	-DGNU_EFI_USE_MS_ABI -I$(EFIINC) -I$(EFIINC)/x86_64

.PHONY: stub
stub: $(BUILD)/cocosecret-stub.efi

$(BUILD)/stub/%.o: stub/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(stub_cflags) $(filter -Werror,$(CFLAGS)) -MMD -MP -c -o $@ $<

$(BUILD)/stub/dsdt.aml: stub/dsdt.asl
	$(call say,IASL,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp -nostdinc -o $(@D)/dsdt.asl $<
	$(Q)$(IASL) -we -vs -p $@ $(@D)/dsdt.asl > $(@D)/iasl.log 2>&1 || { cat $(@D)/iasl.log; exit 1; }

$(BUILD)/stub/dsdt.o: stub/dsdt.S $(BUILD)/stub/dsdt.aml
	$(call say,AS,$<)
	$(Q)$(CC) -DDSDT='"$(BUILD)/stub/dsdt.aml"' -c -o $@ $<

$(BUILD)/stub/stub.so: $(stub_objects)
	$(call say,LD,$@)
	$(Q)ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined \
		-z noexecstack -T $(EFILIB)/elf_x86_64_efi.lds \
		-o $@ $(EFILIB)/crt0-efi-x86_64.o $^ -L$(EFILIB) -lefi -lgnuefi

# PE format, "DLL Characteristics": it runs where data cannot be code (NX_COMPAT, 0x100), which
# objcopy cannot say. The checksum is then none.
$(BUILD)/cocosecret-stub.efi: $(BUILD)/stub/stub.so
	$(call say,OBJCOPY,$@)
	$(Q)objcopy -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym \
		-j '.rel*' --target efi-app-x86_64 $< $@.new
	$(Q)pe=$$(od -An -t u4 -j 60 -N 4 $@.new) && \
		printf '\0\0\0\0' | dd of=$@.new bs=1 seek=$$((pe + 88)) conv=notrunc status=none && \
		printf '\0\1' | dd of=$@.new bs=1 seek=$$((pe + 94)) conv=notrunc status=none
	$(Q)mv $@.new $@

-include $(wildcard $(BUILD)/stub/*.d)
