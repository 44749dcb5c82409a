# Proofs with CBMC, of Debian 13. The harnesses say what they prove.

# Harnesses by name; all of them if none.
PROVE ?=

.PHONY: prove
prove: deps
	$(Q)mkdir -p $(BUILD)
	$(Q)[ -d $(BUILD)/prove/root ] || echo 'making a root with cbmc, see $(BUILD)/prove.log'
	$(Q)tests/root.sh trixie $(BUILD)/prove/root cbmc gcc libc6-dev \
		uuid-dev libjson-c-dev libssl-dev libcryptsetup-dev > $(BUILD)/prove.log 2>&1 || \
		{ tail -n 30 $(BUILD)/prove.log; exit 1; }
	$(Q)tests/prove/run.sh $(BUILD)/prove/root $(PROVE)
