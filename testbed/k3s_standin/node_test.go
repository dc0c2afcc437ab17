package main

import (
	"crypto/sha256"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Source: https://docs.k3s.io/installation/packaged-components
func TestManifestsAreAppliedWhenTheyChange(t *testing.T) {
	files := map[string][]byte{"/m/a.yaml": []byte("1"), "/m/b.yaml": []byte("1"), "/m/coredns.yaml": []byte("1"),
		"/m/c.yaml": []byte("1"), "/m/c.yaml.skip": nil}
	disabled := []string{"coredns"}
	state := applied{}
	if got := state.changed(files, disabled); !slices.Equal(got, []string{"/m/a.yaml", "/m/b.yaml"}) {
		t.Errorf("at the start: %v", got)
	}
	for _, path := range []string{"/m/a.yaml", "/m/b.yaml"} {
		state[path] = sha256.Sum256(files[path])
	}
	if got := state.changed(files, disabled); len(got) != 0 {
		t.Errorf("unchanged: %v", got)
	}
	files["/m/b.yaml"] = []byte("2")
	if got := state.changed(files, disabled); !slices.Equal(got, []string{"/m/b.yaml"}) {
		t.Errorf("after a change: %v", got)
	}
	delete(files, "/m/a.yaml")
	delete(files, "/m/c.yaml.skip")
	if got := state.changed(files, disabled); !slices.Equal(got, []string{"/m/b.yaml", "/m/c.yaml"}) {
		t.Errorf("after a removal and an unskip: %v", got)
	}
	files["/m/a.yaml"] = []byte("1")
	if got := state.changed(files, disabled); !slices.Contains(got, "/m/a.yaml") {
		t.Errorf("a file that came back: %v", got)
	}
}

// Source: https://docs.k3s.io/installation/private-registry
func TestRegistriesBecomeHostsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.yaml")
	text := `
mirrors:
  docker.io: {endpoint: ["https://harbor.forge.internal/v2/proxy", "http://10.0.0.5:5000"]}
configs:
  harbor.forge.internal:
    auth: {username: robot, password: "p\"w"}
    tls: {ca_file: /etc/ssl/forge.pem}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	registries, err := readRegistries(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := registries.hostsTOML("docker.io", false)
	if err != nil {
		t.Fatal(err)
	}
	want := `server = "https://registry-1.docker.io/v2"

[host."https://harbor.forge.internal/v2/proxy"]
capabilities = ["pull", "resolve"]
override_path = true
ca = ["/etc/ssl/forge.pem"]

[host."http://10.0.0.5:5000/v2"]
capabilities = ["pull", "resolve"]

[host."https://registry-1.docker.io/v2"]
capabilities = ["pull", "resolve"]
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if auth := registries.authTOML(); !strings.Contains(auth, `registry.configs."harbor.forge.internal".auth]`) || !strings.Contains(auth, `password = "p\"w"`) {
		t.Errorf("got %s", auth)
	}
	if only, _ := registries.hostsTOML("docker.io", true); strings.Contains(only, "registry-1") {
		t.Errorf("the default endpoint is still there: %s", only)
	}
}

func TestTunnelAddressesAreStableAndDistinct(t *testing.T) {
	_, a, _ := net.ParseCIDR("10.42.0.0/24")
	_, b, _ := net.ParseCIDR("10.42.1.0/24")
	mac := deviceMAC(a)
	if mac.String() != deviceMAC(a).String() || mac.String() == deviceMAC(b).String() {
		t.Error("addresses do not identify nodes")
	}
	if mac[0]&1 != 0 || mac[0]&2 == 0 {
		t.Errorf("%s is not a locally administered unicast address", mac)
	}
}

func TestServersAreLearnedAndRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lb.json")
	b, err := newBalancer("https://10.0.0.1:6443", file)
	if err != nil {
		t.Fatal(err)
	}
	b.update([]string{"10.0.0.1:6443", "10.0.0.2:6443", "10.0.0.3:6443"})
	b.prefer("10.0.0.3:6443")
	if got := b.list(); got[0] != "10.0.0.3:6443" || len(got) != 3 {
		t.Errorf("got %v", got)
	}
	b.update(nil)
	if len(b.list()) != 3 {
		t.Error("an empty answer was believed")
	}
	again, err := newBalancer("https://10.0.0.1:6443", file)
	if err != nil || !slices.Equal(again.urls(), []string{"https://10.0.0.1:6443", "https://10.0.0.2:6443", "https://10.0.0.3:6443"}) {
		t.Errorf("after a restart: %v, %v", again.urls(), err)
	}
	if _, err := newBalancer("10.0.0.1:6443", file); err == nil {
		t.Error("an address without scheme was taken")
	}
}

func TestNthAddress(t *testing.T) {
	if got, err := nthAddress("10.43.0.0/16", 10); err != nil || got != "10.43.0.10" {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := nthAddress("fd00::/108", 10); err == nil {
		t.Error("an IPv6 range was taken")
	}
}
