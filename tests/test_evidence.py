# SPDX-License-Identifier: GPL-2.0-or-later
"""The evidence that the tests' own processor makes, and the agent's JSON of it, before
judges whom others wrote: each believes it, and none a changed byte."""

import copy

import pytest

from harness import attest, broker, evidence, judges

pytestmark = [pytest.mark.slow]

# A byte of each part of a report, but for what is reserved.
PARTS = ["policy", "report_data", "measurement", "host_data", "chip_id",
         "reported_tcb"]


def flipped(data, offset):
    """With one bit changed."""
    changed = bytearray(data)
    changed[offset] ^= 4
    return bytes(changed)


@pytest.fixture(name="report", scope="module")
def report_fixture():
    """One of SEV-SNP's."""
    return evidence.snp_report(evidence.fresh())


@pytest.fixture(name="quote", scope="module")
def quote_fixture():
    """One of TDX's."""
    return evidence.tdx_quote(evidence.fresh())


def test_report(report):
    """By go-sev-guest, with the certificates of the auxblob's table."""
    judges.judge_snp(report, evidence.certificate_table())
    judges.judge_snp(report, evidence.certificate_table(["vcek"]))
    with pytest.raises(judges.Refused, match="VCEK"):
        judges.judge_snp(report, b"")


@pytest.mark.parametrize("part", [*PARTS, "signature"])
def test_changed_report(report, part):
    """Nobody signed that one."""
    offset = (evidence.SNP_SIGNED if part == "signature"
              else evidence.FIELDS[part][0])
    with pytest.raises(judges.Refused, match="verification|malformed"):
        judges.judge_snp(flipped(report, offset), evidence.certificate_table())


def test_quote(quote):
    """By go-tdx-guest; the root is our vendor's."""
    judges.judge_tdx(quote)


@pytest.mark.parametrize("offset", [
    evidence.QUOTE_HEADER + 0x88, evidence.QUOTE_DATA,
    evidence.QUOTE_HEADER + evidence.QUOTE_BODY + 4], ids=[
        "mrtd", "reportdata", "signature"])
def test_changed_quote(quote, offset):
    """Nobody signed that one."""
    with pytest.raises(judges.Refused, match="unable to verify"):
        judges.judge_tdx(flipped(quote, offset))


@pytest.mark.parametrize("make", [
    evidence.snp_report, evidence.turin_report,
    lambda data: evidence.snp_report(data, policy=(1 << 63) | 0x30000),
    lambda data: evidence.snp_report(data, version=5, current_mit_vector=3,
                                     launch_mit_vector=1 << 63)], ids=[
         "milan", "turin", "large-numbers", "version-5"])
def test_json(make):
    """By the crate sev: the same bytes come out again."""
    made = make(evidence.fresh())
    said = judges.judge_json(evidence.snp_json(made), made)
    assert said.strip() == ""
    said = judges.judge_json(
        evidence.snp_json(made, evidence.certificate_table()), made)
    print(said.strip())
    assert said.count("bytes") == 3 and "VCEK of" in said


@pytest.mark.parametrize("name", ["version", "guest_svn", *PARTS[:-1],
                                  "plat_info", "report_id_ma"])
def test_changed_json(report, name):
    """Other bytes come out, or none."""
    changed = evidence.snp_json(report)
    value = changed["attestation_report"]
    if isinstance(value[name], list):
        value[name][-1] ^= 1
    else:
        value[name] ^= 1
    with pytest.raises(judges.Refused, match="differ|invalid"):
        judges.judge_json(changed, report)


def test_incomplete_json(report):
    """No member may be left out, or be of another kind."""
    whole = evidence.snp_json(report)
    for name, value in whole["attestation_report"].items():
        if value is None:
            continue
        changed = copy.deepcopy(whole)
        changed["attestation_report"][name] = "no"
        with pytest.raises(judges.Refused):
            judges.judge_json(changed, report)


def sent_by_agent(folder, report, table):
    """(JSON, report): what cocosecret-agent sends of a report and of an auxblob, and
    the report that it was given, which is on its own key."""
    with broker.Server(broker.Broker(attest.resources(), None)) as server:
        done = attest.run(server.url, attest.machine(folder, report=report,
                                                     auxblob=table))
        assert done.status == 0, done.said
        sent, = server.broker.evidence
    data = bytes(sent["attestation_report"]["report_data"])
    end = evidence.SNP_DATA + len(data)
    return sent, report[:evidence.SNP_DATA] + data + report[end:]


@pytest.mark.parametrize("make", [evidence.snp_report, evidence.turin_report],
                         ids=["milan", "turin"])
def test_agent(tmp_path, make):
    """The crate sev makes the report's bytes of what the agent sends."""
    sent, report = sent_by_agent(tmp_path, make(bytes(64)), b"")
    judges.judge_json(sent, report)
    with pytest.raises(judges.Refused, match="differ"):
        judges.judge_json(sent, flipped(report, 0x91))


def test_agent_certificates(tmp_path):
    """A table as the crate sev and go-sev-guest read it comes along."""
    sent, report = sent_by_agent(tmp_path, evidence.snp_report(bytes(64)),
                                 evidence.certificate_table())
    assert judges.judge_json(sent, report).count("bytes") == 3
