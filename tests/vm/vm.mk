# The VM tests' own programs, the guest's image, and the demo.

BUILD    ?= build
CC       ?= cc
PYTHON   ?= /usr/bin/python3
FIRMWARE ?= stock
MEMORY   ?= 2048

vm_python := PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 $(PYTHON)

.PHONY: vm-programs vm-image run-vm run-demo run-boot
vm-programs: $(BUILD)/vm/probe $(BUILD)/vm/alloc.so

$(BUILD)/vm/probe: tests/harness/guest/probe.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
		-static -o $@ $<

$(BUILD)/vm/alloc.so: tests/harness/guest/alloc.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
		-shared -fPIC -o $@ $<

vm-image:
	$(Q)$(vm_python) -c 'from harness import demo; demo.build()'

run-vm:
	$(Q)$(PYTEST) tests/vm

run-demo:
	$(Q)$(vm_python) -m harness.demo $(FIRMWARE)

run-boot:
	$(Q)$(vm_python) -m harness.boot --firmware '$(FIRMWARE)' --memory '$(MEMORY)' \
		--append '$(APPEND)' '$(DISK)' '$(TABLE)' '$(KERNEL)' '$(INITRD)'
