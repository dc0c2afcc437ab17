package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"
)

const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour
	renewBefore  = 120 * 24 * time.Hour // Source: https://docs.k3s.io/cli/certificate
	clockSlack   = time.Hour
)

// Authority is a certificate authority with its key.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	PEM  []byte
}

// Leaf says what a certificate is for.
type Leaf struct {
	Name   string
	Groups []string
	Hosts  []string // names and addresses; empty for a client certificate
	Usages []x509.ExtKeyUsage
}

var (
	clientUse = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	serverUse = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	peerUse   = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
)

// loadAuthority reads base.crt and base.key, and makes them if neither exists.
func loadAuthority(base, name string) (*Authority, error) {
	if !exists(base+".crt") && !exists(base+".key") {
		if err := makeAuthority(base, name); err != nil {
			return nil, err
		}
	}
	certPEM, err := os.ReadFile(base + ".crt")
	if err != nil {
		return nil, err
	}
	cert, err := parseCert(certPEM)
	if err != nil {
		return nil, fmt.Errorf("%s.crt: %w", base, err)
	}
	key, err := loadKey(base + ".key")
	if err != nil {
		return nil, err
	}
	if !cert.PublicKey.(*ecdsa.PublicKey).Equal(key.Public()) {
		return nil, fmt.Errorf("%s.key does not belong to %s.crt: restore both from one backup", base, base)
	}
	return &Authority{cert: cert, key: key, PEM: certPEM}, nil
}

func makeAuthority(base, name string) error {
	key, err := makeKey(base + ".key")
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), IsCA: true, BasicConstraintsValid: true,
		Subject:   pkix.Name{CommonName: fmt.Sprintf("k3s-%s@%d", name, now.Unix())},
		NotBefore: now.Add(-clockSlack), NotAfter: now.Add(caLifetime),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return writeFile(base+".crt", certPEM(der), 0o644)
}

// ensureLeaf keeps base.crt if it still serves, else signs a new one. The file
// holds the authority's certificate as well, so that a joining node sees it.
func (a *Authority) ensureLeaf(base string, leaf Leaf) error {
	if a.serves(base, leaf) {
		return nil
	}
	key, err := loadKey(base + ".key")
	if errors.Is(err, os.ErrNotExist) {
		key, err = makeKey(base + ".key")
	}
	if err != nil {
		return err
	}
	der, err := a.sign(leaf, key.Public())
	if err != nil {
		return err
	}
	return writeFile(base+".crt", append(certPEM(der), a.PEM...), 0o644)
}

func (a *Authority) sign(leaf Leaf, public crypto.PublicKey) ([]byte, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: leaf.Name, Organization: leaf.Groups},
		NotBefore:    now.Add(-clockSlack), NotAfter: now.Add(leafLifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: leaf.Usages,
	}
	template.DNSNames, template.IPAddresses = splitHosts(leaf.Hosts)
	return x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
}

// serves tells whether a certificate on disk still fits: signed by this
// authority, for these names, and not due for renewal.
func (a *Authority) serves(base string, leaf Leaf) bool {
	raw, err := os.ReadFile(base + ".crt")
	if err != nil || !exists(base+".key") {
		return false
	}
	cert, err := parseCert(raw)
	if err != nil || cert.CheckSignatureFrom(a.cert) != nil || !bytes.HasSuffix(raw, a.PEM) {
		return false
	}
	if time.Until(cert.NotAfter) < renewBefore || cert.Subject.CommonName != leaf.Name {
		return false
	}
	if !slices.Equal(cert.Subject.Organization, leaf.Groups) {
		return false
	}
	for _, host := range leaf.Hosts {
		if cert.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

func splitHosts(hosts []string) (names []string, addresses []net.IP) {
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			addresses = append(addresses, ip)
		} else if host != "" {
			names = append(names, host)
		}
	}
	return names, addresses
}

func makeKey(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return key, writeFile(path, block, 0o600)
}

func loadKey(path string) (crypto.Signer, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM key", path)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// ensureKey returns the key at path and makes it first if there is none.
func ensureKey(path string) (crypto.Signer, error) {
	if exists(path) {
		return loadKey(path)
	}
	return makeKey(path)
}

func parseCert(raw []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func serial() *big.Int {
	limit := new(big.Int).Lsh(big.NewInt(1), 127)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic(err) // crypto/rand does not fail on Linux
	}
	return n
}
