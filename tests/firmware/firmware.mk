# The UEFI stand-in, which publishes a secret table on firmware that has no
# driver for it. The guest boots it from a FAT folder.

BUILD  ?= build
CC     ?= cc
EFIINC ?= /usr/include/efi
EFILIB ?= /usr/lib

firmware_objects := $(addprefix $(BUILD)/firmware/,$(addsuffix .o,standin fwcfg))
firmware_cflags  := -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding \
	-fpic -fshort-wchar -fno-stack-protector -fno-stack-check \
	-mno-red-zone -mgeneral-regs-only -maccumulate-outgoing-args \
	-DGNU_EFI_USE_MS_ABI -I$(EFIINC) -I$(EFIINC)/x86_64

.PHONY: firmware
firmware: $(BUILD)/firmware/BOOTX64.EFI

$(BUILD)/firmware/%.o: tests/firmware/%.c tests/firmware/fwcfg.h
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(firmware_cflags) -c -o $@ $<

$(BUILD)/firmware/standin.so: $(firmware_objects)
	$(call say,LD,$@)
	$(Q)ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined \
		-z noexecstack -T $(EFILIB)/elf_x86_64_efi.lds \
		-o $@ $(EFILIB)/crt0-efi-x86_64.o $^ -L$(EFILIB) -lefi -lgnuefi

$(BUILD)/firmware/BOOTX64.EFI: $(BUILD)/firmware/standin.so
	$(call say,OBJCOPY,$@)
	$(Q)objcopy -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym \
		-j '.rel*' --target efi-app-x86_64 $< $@
