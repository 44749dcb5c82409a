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
