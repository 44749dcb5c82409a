// SPDX-License-Identifier: GPL-2.0-or-later

//! Usage: judge EVIDENCE: writes the report of a broker's evidence as the bytes that a
//! processor signed, and says on stderr which certificates came along.

use std::io::{self, Write};

use serde::Deserialize;
use sev::firmware::{guest::AttestationReport, host::CertTableEntry};
use sev::parser::ByteParser;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    attestation_report: AttestationReport,
    cert_chain: Option<Vec<CertTableEntry>>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("no file")?;
    let evidence: Evidence = serde_json::from_slice(&std::fs::read(path)?)?;

    for entry in evidence.cert_chain.unwrap_or_default() {
        eprintln!("{:?} of {} bytes", entry.cert_type, entry.data.len());
    }
    io::stdout().write_all(&evidence.attestation_report.to_bytes()?)?;
    Ok(())
}
