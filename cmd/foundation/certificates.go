package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// certificateName is what a node may be called that has its name in a certificate, as if it were that of a host.
var certificateName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)

func checkCertificateName(name string) error {
	if !certificateName.MatchString(name) || len(name) > 63 || name == "ca" {
		return fmt.Errorf("%q cannot stand in a certificate: use up to 63 letters, digits, dashes, underscores and dots within, and not ca", name)
	}
	return nil
}

// authority signs certificates of nodes.
type authority struct {
	cert *x509.Certificate
	key  any
}

// makeCertificates makes a certificate and a key for each node in dir, and before them the authority if it is not there. It
// overwrites nothing, and returns which files it made.
func makeCertificates(dir string, nodes []string, now time.Time, valid time.Duration) (made []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ca, made, err := openAuthority(dir, now, valid)
	for _, node := range nodes {
		if err != nil {
			return made, err
		}
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: node}, DNSNames: []string{node}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(valid),
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		var more []string
		_, more, err = ca.sign(dir, node, template)
		made = append(made, more...)
	}
	return made, err
}

// openAuthority reads the authority in dir, or makes one.
func openAuthority(dir string, now time.Time, valid time.Duration) (ca authority, made []string, err error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem"))
	if err == nil {
		return authority{pair.Leaf, pair.PrivateKey}, nil, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return ca, nil, fmt.Errorf("the authority in %s: %w", dir, err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "foundation development authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(valid),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return ca.sign(dir, "ca", template)
}

// sign writes a new key and its certificate. Without an authority it signs itself.
func (ca authority) sign(dir, name string, template *x509.Certificate) (signed authority, made []string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return signed, nil, err
	}
	parent, parentKey := ca.cert, ca.key
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return signed, nil, fmt.Errorf("the certificate of %s: %w", name, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return signed, nil, err
	}
	for _, f := range []struct {
		path, kind string
		data       []byte
		mode       fs.FileMode
	}{
		{name + "-key.pem", "PRIVATE KEY", secret, 0o600}, {name + ".pem", "CERTIFICATE", der, 0o644},
	} {
		path := filepath.Join(dir, f.path)
		if err := writeNew(path, pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.data}), f.mode); err != nil {
			return signed, made, err
		}
		made = append(made, path)
	}
	cert, err := x509.ParseCertificate(der)
	return authority{cert, key}, made, err
}

// writeNew writes a file that must not be there.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: remove it first if it shall be made anew", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
