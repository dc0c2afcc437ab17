package main

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func authority(t *testing.T, base string) *Authority {
	t.Helper()
	ca, err := loadAuthority(base, "test-ca")
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func leafBytes(t *testing.T, ca *Authority, base string, leaf Leaf) []byte {
	t.Helper()
	if err := ca.ensureLeaf(base, leaf); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(base + ".crt")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestCertificatesAreReusedUntilSomethingChanges(t *testing.T) {
	dir := t.TempDir()
	ca := authority(t, filepath.Join(dir, "ca"))
	if again := authority(t, filepath.Join(dir, "ca")); !bytes.Equal(ca.PEM, again.PEM) {
		t.Error("the authority was made anew")
	}
	base, leaf := filepath.Join(dir, "leaf"), Leaf{Name: "n", Hosts: []string{"a", "10.0.0.1"}, Usages: serverUse}
	first := leafBytes(t, ca, base, leaf)
	if !bytes.Equal(first, leafBytes(t, ca, base, leaf)) {
		t.Error("an unchanged certificate was made anew")
	}
	leaf.Hosts = append(leaf.Hosts, "b")
	second := leafBytes(t, ca, base, leaf)
	if bytes.Equal(first, second) {
		t.Error("a further name (tls-san) did not change the certificate")
	}
	other := authority(t, filepath.Join(dir, "other"))
	if bytes.Equal(second, leafBytes(t, other, base, leaf)) {
		t.Error("a certificate of another authority was kept")
	}
}

func TestPrivateKeysAreReadableByRootAlone(t *testing.T) {
	dir := t.TempDir()
	pki, err := loadPKI(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.ensureLeaves(names{node: "n", domain: "cluster.local", serviceIP: "10.43.0.1", addresses: []string{"10.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	keys := 0
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if strings.HasSuffix(path, ".key") {
			keys++
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o", path, info.Mode().Perm())
			}
		}
		return err
	})
	if err != nil || keys < 16 {
		t.Errorf("%d keys, %v", keys, err)
	}
}

func TestAnotherKeyThanTheAuthoritysIsRefused(t *testing.T) {
	dir := t.TempDir()
	authority(t, filepath.Join(dir, "ca"))
	if _, err := makeKey(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAuthority(filepath.Join(dir, "ca"), "x"); err == nil || !strings.Contains(err.Error(), "does not belong") {
		t.Errorf("got %v", err)
	}
}

// servingCSR is a node's request as the API shows it.
func servingCSR(t *testing.T, user, name string, hosts ...string) servingRequest {
	t.Helper()
	key, err := makeKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: name, Organization: []string{"system:nodes"}}}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	var csr servingRequest
	csr.Spec.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	csr.Spec.Username, csr.Spec.Groups = user, []string{"system:nodes"}
	csr.Spec.Usages = []string{"digital signature", "server auth"}
	return csr
}

func TestANodeGetsACertificateForItselfOnly(t *testing.T) {
	other := Node{}
	other.Metadata.Name = "server"
	other.Status.Addresses = append(other.Status.Addresses, struct{ Type, Address string }{"InternalIP", "10.0.0.1"})
	nodes := []Node{other}
	if err := checkServing(servingCSR(t, "system:node:w", "system:node:w", "w", "10.0.0.2"), nodes); err != nil {
		t.Errorf("a proper request was refused: %v", err)
	}
	client := servingCSR(t, "system:node:w", "system:node:w", "w")
	client.Spec.Usages = []string{"client auth"}
	for name, csr := range map[string]servingRequest{
		"another's address": servingCSR(t, "system:node:w", "system:node:w", "w", "10.0.0.1"),
		"another's name":    servingCSR(t, "system:node:w", "system:node:w", "server"),
		"another subject":   servingCSR(t, "system:node:w", "system:node:server", "w"),
		"not a node":        servingCSR(t, "system:serviceaccount:x", "system:node:w", "w"),
		"no name":           servingCSR(t, "system:node:w", "system:node:w", "10.0.0.2"),
		"client usage":      client,
	} {
		if checkServing(csr, nodes) == nil {
			t.Errorf("%s was approved", name)
		}
	}
}
