# The module on the kernels of other Debian releases.

KERNEL_SUITES ?= trixie sid

.PHONY: check-kernels
check-kernels: deps module
	$(Q)for suite in $(KERNEL_SUITES); do \
		echo "building for $$suite"; \
		tests/kernels/tree.sh $$suite $(BUILD)/kernels/$$suite \
			> $(BUILD)/kernels-$$suite.log 2>&1 || \
			{ tail -n 30 $(BUILD)/kernels-$$suite.log; exit 1; }; done
	$(Q)KERNELS=$$(echo bookworm $(KERNEL_SUITES) | tr ' ' ,) \
		$(PYTEST) tests/vm/test_module.py

# Builds a kernel with KASAN, lockdep and kmemleak: half an hour the first time.
.PHONY: check-kernel
check-kernel: deps module
	$(Q)tests/deps.sh all flex bison bc libelf-dev
	$(Q)echo 'building the debugging kernel, see $(BUILD)/kernels/debug.log'
	$(Q)mkdir -p $(BUILD)/kernels/debug
	$(Q)tests/kernels/debug.sh $(BUILD)/kernels/debug \
		> $(BUILD)/kernels/debug.log 2>&1 || \
		{ tail -n 30 $(BUILD)/kernels/debug.log; exit 1; }
	$(Q)$(PYTEST) tests/vm/test_debug_kernel.py
