// SPDX-License-Identifier: GPL-2.0-or-later

// Usage: tdx QUOTE ROOT: verifies a quote up to the root of a vendor, without collateral.
package main

import (
	"crypto/x509"
	"log"
	"os"

	"github.com/google/go-tdx-guest/verify"
)

func read(name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		log.Fatal(err)
	}
	return data
}

func main() {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(os.Args[2])) {
		log.Fatal("no root")
	}
	err := verify.RawTdxQuote(read(os.Args[1]), &verify.Options{TrustedRoots: roots})
	if err != nil {
		log.Fatal(err)
	}
}
