package main

import (
	"strings"
	"testing"
)

const someHash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// Source: https://docs.k3s.io/cli/token#token-format
func TestTokenForms(t *testing.T) {
	for text, want := range map[string]Token{
		"K10" + someHash + "::server:pass:word\n":      {CAHash: someHash, User: "server", Secret: "pass:word"},
		"K10" + someHash + "::node:x":                  {CAHash: someHash, User: "node", Secret: "x"},
		"K10" + someHash + "::abcdef.0123456789abcdef": {CAHash: someHash, Secret: "abcdef.0123456789abcdef"},
		"g2lo7d.z8q7uhpl1fk7cwtz":                      {Secret: "g2lo7d.z8q7uhpl1fk7cwtz"},
		"  plain secret, with \"marks\" ":              {Secret: "plain secret, with \"marks\""},
		"K10notatoken":                                 {Secret: "K10notatoken"},
	} {
		got, err := ParseToken(text)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func TestDamagedTokensAreRefused(t *testing.T) {
	for _, text := range []string{"", "  \n", "K10abc::server:x", "K10" + someHash + "::", "K10" + someHash[:63] + "::server:x"} {
		if token, err := ParseToken(text); err == nil {
			t.Errorf("%q was taken as %+v", text, token)
		}
	}
}

func TestTokenSurvivesARoundTrip(t *testing.T) {
	token, err := ParseToken(FormatToken([]byte("authority"), "server", "secret"))
	if err != nil || token.Secret != "secret" || token.CAHash != caHash([]byte("authority")) {
		t.Errorf("got %+v, %v", token, err)
	}
}

func TestWhatIsSentRevealsNeitherSecretNorTheOtherRole(t *testing.T) {
	token := Token{Secret: "topsecret"}
	if token.Bearer("node") == token.Bearer("server") || strings.Contains(token.Bearer("node"), "topsecret") {
		t.Error("credentials are not separate")
	}
}

func TestSealedDataOpensWithItsSecretOnly(t *testing.T) {
	sealed, err := seal([]byte("keys"), "right")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := unseal(sealed, "right"); err != nil || string(plain) != "keys" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := unseal(sealed, "wrong"); err == nil {
		t.Error("a wrong secret opened the data")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := unseal(sealed, "right"); err == nil {
		t.Error("changed data was opened")
	}
	if _, err := unseal(nil, "right"); err == nil {
		t.Error("no data was opened")
	}
}
