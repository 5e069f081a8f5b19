package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCertificates: each node has one that names it and that the authority signed, for servers and clients; keys are secret; a
// second call uses the authority that is there, and overwrites nothing.
func TestCertificates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	if got := call(t, "keygen", "-tls", dir, "-nodes", "ann,bob-1.x"); got.status != statusOK || strings.Count(got.stdout, "\n") != 6 {
		t.Fatalf("%+v", got)
	}
	if got := call(t, "keygen", "-tls", dir, "-nodes", "cyd"); got.status != statusOK || strings.Count(got.stdout, "\n") != 2 {
		t.Fatalf("%+v", got)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority cannot be read")
	}
	for _, name := range []string{"ann", "bob-1.x", "cyd"} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(pair.Leaf.DNSNames, []string{name}) {
			t.Errorf("that of %s names %q", name, pair.Leaf.DNSNames)
		}
		for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
				t.Errorf("that of %s: %v", name, err)
			}
		}
		info, err := os.Stat(filepath.Join(dir, name+"-key.pem"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key of %s: %v, %v", name, info.Mode(), err)
		}
	}
	before, _ := os.ReadFile(filepath.Join(dir, "ann-key.pem"))
	got := call(t, "keygen", "-tls", dir, "-nodes", "ann")
	after, _ := os.ReadFile(filepath.Join(dir, "ann-key.pem"))
	if got.status != statusFailed || !strings.Contains(got.stderr, "is there already") || string(before) != string(after) {
		t.Errorf("a second certificate: %+v", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := call(t, "keygen", "-tls", dir, "-nodes", "dan"); got.status != statusFailed || !strings.Contains(got.stderr, "the authority in") {
		t.Errorf("a broken authority: %+v", got)
	}
}
