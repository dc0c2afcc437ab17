package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Token is a parsed join token.
// Source: https://docs.k3s.io/cli/token
type Token struct {
	CAHash string // SHA-256 of the server CA's PEM file, hex; empty in a short token
	User   string // "server" or "node" in a secure token, else empty
	Secret string
}

var secureToken = regexp.MustCompile(`^K10([0-9a-f]{64})::(?:([a-z]+):)?(.+)$`)

// ParseToken reads both documented forms: K10<CA hash>::<user>:<secret> and the
// secret alone. A secret may have any shape, a bootstrap token's among them.
func ParseToken(s string) (Token, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Token{}, fmt.Errorf("the token is empty: set token or token-file")
	}
	if !strings.HasPrefix(s, "K10") || !strings.Contains(s, "::") {
		return Token{Secret: s}, nil
	}
	m := secureToken.FindStringSubmatch(s)
	if m == nil {
		return Token{}, fmt.Errorf("the token starts with K10 but is not K10<64 hexadecimal digits>::<user>:<password>: copy it whole from /var/lib/rancher/k3s/server/node-token")
	}
	return Token{CAHash: m[1], User: m[2], Secret: m[3]}, nil
}

// FormatToken returns the secure form.
func FormatToken(caPEM []byte, user, secret string) string {
	return fmt.Sprintf("K10%s::%s:%s", caHash(caPEM), user, secret)
}

func caHash(caPEM []byte) string {
	sum := sha256.Sum256(caPEM)
	return hex.EncodeToString(sum[:])
}

// Bearer derives what is sent to the API server: the secret itself never leaves
// the node, and what an agent sends does not open what a server may read.
func (t Token) Bearer(role string) string {
	mac := hmac.New(sha256.New, []byte(t.Secret))
	mac.Write([]byte("k3s stand-in join as " + role))
	return hex.EncodeToString(mac.Sum(nil))
}

// readToken returns the token of an option or of the file that another names.
func readToken(cfg *Config, option, fileOption string) (string, error) {
	if value := cfg.Text(option); value != "" {
		return value, nil
	}
	path := cfg.Text(fileOption)
	if path == "" {
		return "", nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", fileOption, err)
	}
	if strings.TrimSpace(string(raw)) == "" {
		return "", fmt.Errorf("--%s: %s is empty", fileOption, path)
	}
	return strings.TrimSpace(string(raw)), nil
}

func randomHex(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // never fails: crypto/rand aborts the program instead
	return hex.EncodeToString(raw)
}
