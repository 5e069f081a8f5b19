package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"strings"
	"time"
)

// keygen prints a gossip key, or makes certificates.
func keygen(_ context.Context, args []string, s surroundings) error {
	flags := flag.NewFlagSet("keygen", flag.ContinueOnError)
	dir := flags.String("tls", "", "`directory` for an authority and certificates, instead of a gossip key. For development and tests:\n"+
		"the key of the authority lies beside the certificates. An authority that is there already is used")
	names := flags.String("nodes", "", "names of the nodes to make certificates for, with commas")
	days := flags.Int("days", 365, "how many `days` certificates are valid")
	if err := parseFlags(flags, args, s); err != nil {
		return err
	}
	switch {
	case *dir == "" && *names != "":
		return wrong("keygen: -nodes is for certificates: say where they shall be with -tls")
	case *dir != "" && *names == "":
		return wrong("keygen: -tls makes certificates for nodes: name them with -nodes ann,bob")
	case *days < 1 || *days > 3650:
		return wrong("keygen: -days %d: choose a number from 1 to 3650", *days)
	case *dir == "":
		var key [32]byte
		_, _ = rand.Read(key[:]) // it never fails
		_, err := fmt.Fprintln(s.stdout, base64.StdEncoding.EncodeToString(key[:]))
		return err
	}
	nodes := strings.Split(*names, ",")
	for _, node := range nodes {
		if err := checkCertificateName(node); err != nil {
			return usageError{fmt.Errorf("keygen: -nodes: %w", err)}
		}
	}
	made, err := makeCertificates(*dir, nodes, time.Now(), time.Duration(*days)*24*time.Hour)
	for _, path := range made {
		fmt.Fprintln(s.stdout, path)
	}
	return err
}
