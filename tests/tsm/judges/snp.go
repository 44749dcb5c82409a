// SPDX-License-Identifier: GPL-2.0-or-later

// Usage: snp REPORT TABLE CHAIN: verifies a report with the certificates of the auxblob's
// table, up to the chain of a vendor, ASK and ARK.
package main

import (
	"log"
	"os"

	"github.com/google/go-sev-guest/abi"
	pb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"
)

func read(name string) []byte {
	data, err := os.ReadFile(name)
	check(err)
	return data
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	report, err := abi.ReportToProto(read(os.Args[1]))
	check(err)
	table := new(abi.CertTable)
	check(table.Unmarshal(read(os.Args[2])))
	root := trust.AMDRootCertsProduct("Milan")
	check(root.FromKDSCertBytes(read(os.Args[3])))
	check(verify.SnpAttestation(
		&pb.Attestation{Report: report, CertificateChain: table.Proto()},
		&verify.Options{
			DisableCertFetching: true,
			TrustedRoots:        map[string][]*trust.AMDRootCerts{"Milan": {root}},
		}))
}
