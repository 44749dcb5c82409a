# The VM tests' own programs, and the demo.

BUILD  ?= build
CC     ?= cc
PYTHON ?= /usr/bin/python3
FIRMWARE ?= stock

VM_PYTHON := PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 $(PYTHON)

.PHONY: vm-probe
vm-probe: $(BUILD)/vm/probe

$(BUILD)/vm/probe: tests/vm/guest/probe.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
		-static -pthread -o $@ $<
