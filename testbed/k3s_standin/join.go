package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Objects through which nodes learn about the cluster.
const (
	clusterMapPath = "/api/v1/namespaces/kube-system/configmaps/k3s-standin-cluster"
	bundlePath     = "/api/v1/namespaces/kube-system/secrets/k3s-standin-bootstrap"
)

// fetchCA returns the authority that the server presents. A secure token's
// hash must match; a short token trusts what it meets first.
// Source: https://docs.k3s.io/cli/token#tls-bootstrapping
func fetchCA(ctx context.Context, server string, token Token) ([]byte, error) {
	target, err := url.Parse(server)
	if err != nil || target.Scheme != "https" || target.Host == "" {
		return nil, permanent("--server: %q is not an address such as https://10.20.0.11:6443", server)
	}
	host := target.Host
	if target.Port() == "" {
		host += ":443"
	}
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
	dialCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dialer.DialContext(dialCtx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", server, err)
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	root := chain[len(chain)-1]
	if !root.IsCA {
		return nil, permanent("server %s presents no authority: it is not a k3s stand-in server", server)
	}
	ca := certPEM(root.Raw)
	if token.CAHash != "" && token.CAHash != caHash(ca) {
		return nil, permanent("token CA hash does not match the Cluster CA certificate hash: %s != %s; take the token of this cluster from /var/lib/rancher/k3s/server/node-token", token.CAHash, caHash(ca))
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: target.Hostname()}); err != nil {
		return nil, permanent("server %s: its certificate does not serve this name: %v; add the name to tls-san there", server, err)
	}
	if token.CAHash == "" {
		logf("the short token does not identify the cluster: trusting authority %s of %s", caHash(ca), server)
	}
	return ca, nil
}

// joinClient connects to a server with the credential that a role derives from
// the token, and reads one object with it.
func joinClient(ctx context.Context, servers []string, token Token, role, path string, out any) (*Client, []byte, error) {
	var client *Client
	var ca []byte
	err := retry(ctx, "the cluster", 2*time.Second, func() error {
		var last error
		for _, server := range servers {
			client, ca, last = tryServer(ctx, server, token, role, path, out)
			var final *permanentError
			if last == nil || errors.As(last, &final) {
				return last
			}
		}
		return last
	})
	return client, ca, err
}

func tryServer(ctx context.Context, server string, token Token, role, path string, out any) (*Client, []byte, error) {
	ca, err := fetchCA(ctx, server, token)
	if err != nil {
		return nil, nil, err
	}
	client, err := newClient(strings.TrimRight(server, "/"), ca, "", "", token.Bearer(role))
	if err != nil {
		return nil, nil, err
	}
	err = client.get(ctx, path, out)
	if isStatus(err, 401) {
		return nil, nil, permanent("server %s rejected the token (%w): this node's token is not the cluster's; compare it with /var/lib/rancher/k3s/server/node-token", server, err)
	}
	return client, ca, err
}

// bundle is what a further server needs before it can start.
type bundle struct {
	Files    map[string]string `json:"files"`    // path under server/ -> content
	Critical map[string]string `json:"critical"` // options that must agree
	Voters   []string          `json:"-"`
}

// critical are the options that all servers must share.
// Source: https://docs.k3s.io/cli/server#critical-configuration-values
var critical = []string{"cluster-cidr", "service-cidr", "cluster-dns", "cluster-domain", "flannel-backend", "disable-kube-proxy", "secrets-encryption", "https-listen-port"}

func (s *Server) criticalValues() map[string]string {
	out := map[string]string{}
	for _, name := range critical {
		out[name] = s.cfg.Text(name)
		if opt, _ := find(name, true); opt.kind == truth {
			out[name] = fmt.Sprint(s.cfg.Bool(name))
		}
	}
	return out
}

func (s *Server) bundleFiles() []string {
	out := []string{"cred/encryption-config.json", "agent-token"}
	for _, name := range caFiles {
		out = append(out, "tls/"+name)
	}
	return out
}

// publishBundle stores the authorities in the datastore, sealed with a key
// derived from the server token.
// Source: https://docs.k3s.io/cli/token#server
func (s *Server) publishBundle(ctx context.Context) error {
	b := bundle{Files: map[string]string{}, Critical: s.criticalValues()}
	for _, name := range s.bundleFiles() {
		raw, err := os.ReadFile(filepath.Join(s.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		b.Files[name] = string(raw)
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := s.storeBootstrap(ctx, raw); err != nil {
		return err
	}
	var stored struct{ Data map[string]string }
	if s.admin.get(ctx, bundlePath, &stored) == nil {
		if sealed, err := base64.StdEncoding.DecodeString(stored.Data["bundle"]); err == nil {
			if old, err := unseal(sealed, s.token.Secret); err == nil && string(old) == string(raw) {
				return nil
			}
		}
	}
	sealed, err := seal(raw, s.token.Secret)
	if err != nil {
		return err
	}
	return s.admin.apply(ctx, bundlePath, object{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
		"metadata": object{"name": "k3s-standin-bootstrap", "namespace": "kube-system"},
		"data":     object{"bundle": base64.StdEncoding.EncodeToString(sealed)},
	})
}

// fetchBundle gets and opens the bundle of a running cluster, writes its files,
// and finds the etcd members.
func (s *Server) fetchBundle(ctx context.Context) ([]string, error) {
	var stored struct{ Data map[string]string }
	client, _, err := joinClient(ctx, []string{s.cfg.Text("server")}, s.token, "server", bundlePath, &stored)
	if err != nil {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(stored.Data["bundle"])
	if err != nil {
		return nil, err
	}
	raw, err := unseal(sealed, s.token.Secret)
	if err != nil {
		return nil, fmt.Errorf("the cluster's bootstrap data was encrypted with a different token: %w", err)
	}
	var b bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	for name, want := range b.Critical {
		if got := s.criticalValues()[name]; got != want {
			return nil, fmt.Errorf("critical configuration mismatch: %s is %q here and %q in the cluster: give all servers the same value", name, got, want)
		}
	}
	if err := s.writeBundle(b); err != nil {
		return nil, err
	}
	return voters(ctx, client)
}

// writeBundle puts the shared files of a bundle in place.
func (s *Server) writeBundle(b bundle) error {
	for _, name := range s.bundleFiles() {
		content, ok := b.Files[name]
		if !ok {
			continue
		}
		mode := os.FileMode(0o600)
		if strings.HasSuffix(name, ".crt") {
			mode = 0o644
		}
		if err := writeFile(filepath.Join(s.dir, name), []byte(content), mode); err != nil {
			return err
		}
	}
	return nil
}

func voters(ctx context.Context, client *Client) ([]string, error) {
	nodes, err := client.nodes(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, node := range nodes {
		if node.Metadata.Labels["node-role.kubernetes.io/etcd"] == "true" && node.Address() != "" {
			out = append(out, node.Address())
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no node of the cluster is labelled as etcd member yet")
	}
	return out, nil
}

// seal encrypts with AES-256-GCM under a PBKDF2 key: salt | nonce | ciphertext.
func seal(plain []byte, secret string) ([]byte, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	gcm, err := sealer(secret, salt)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return gcm.Seal(append(salt, nonce...), nonce, plain, nil), nil
}

func unseal(sealed []byte, secret string) ([]byte, error) {
	if len(sealed) < 16+12 {
		return nil, errors.New("sealed data is too short")
	}
	gcm, err := sealer(secret, sealed[:16])
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, sealed[16:28], sealed[28:], nil)
}

// iterations follow OWASP's figure for PBKDF2 with SHA-256.
const iterations = 600_000

func sealer(secret string, salt []byte) (cipher.AEAD, error) {
	key, err := pbkdf2.Key(sha256.New, secret, salt, iterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
