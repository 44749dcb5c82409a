# The VM tests' own programs, and the demo.

BUILD  ?= build
CC     ?= cc
PYTHON ?= /usr/bin/python3
FIRMWARE ?= stock

VM_PYTHON := PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 $(PYTHON)

.PHONY: vm-probe
vm-probe: $(BUILD)/vm/probe

# Without vector registers, which would be places where a secret stays.
$(BUILD)/vm/probe: tests/vm/guest/probe.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -mgeneral-regs-only \
		-static -pthread -o $@ $<
