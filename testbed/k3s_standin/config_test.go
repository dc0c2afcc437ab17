package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// load writes files (name -> content) beside a config.yaml and loads them.
func load(t *testing.T, command string, files map[string]string, env map[string]string, args ...string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args = append([]string{"--config=" + filepath.Join(dir, "config.yaml")}, args...)
	return Load(command, args, func(name string) string { return env[name] })
}

func mustLoad(t *testing.T, files map[string]string, env map[string]string, args ...string) *Config {
	t.Helper()
	cfg, err := load(t, "server", files, env, args...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Source: https://docs.k3s.io/installation/configuration
func TestDropInsMergeInAlphabeticalOrder(t *testing.T) {
	cfg := mustLoad(t, map[string]string{
		"config.yaml":               "node-name: base\nnode-label: [a=1]\ntls-san: [one]\nnode-taint: [t=1:NoSchedule]\n",
		"config.yaml.d/20-b.yaml":   "node-name: last\ntls-san+: [three]\nnode-taint: [u=1:NoSchedule]\n",
		"config.yaml.d/10-a.yaml":   "node-name: middle\nnode-label: [b=2, c=3]\ntls-san+: two\n",
		"config.yaml.d/30-note.txt": "node-name: ignored\n",
	}, nil)
	if got := cfg.Text("node-name"); got != "last" {
		t.Errorf("the last value of a key counts: got %q", got)
	}
	if got := cfg.List("node-label"); !slices.Equal(got, []string{"b=2", "c=3"}) {
		t.Errorf("a list is replaced: got %v", got)
	}
	if got := cfg.List("tls-san"); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("key+ appends: got %v", got)
	}
	if got := cfg.List("node-taint"); !slices.Equal(got, []string{"u=1:NoSchedule"}) {
		t.Errorf("a key without + replaces what was accumulated: got %v", got)
	}
}

// Source: https://docs.k3s.io/installation/configuration
func TestCommandLineWinsOverFilesOverEnvironment(t *testing.T) {
	files := map[string]string{"config.yaml": "node-name: file\nnode-label: [file=1]\n"}
	env := map[string]string{"K3S_NODE_NAME": "env", "K3S_TOKEN": "secret"}
	cfg := mustLoad(t, files, env, "--node-label", "cli=1", "--node-label=cli=2")
	if got := cfg.Text("node-name"); got != "file" {
		t.Errorf("node-name: got %q", got)
	}
	if got := cfg.Text("token"); got != "secret" {
		t.Errorf("K3S_TOKEN: got %q", got)
	}
	if got := cfg.List("node-label"); !slices.Equal(got, []string{"cli=1", "cli=2"}) {
		t.Errorf("the command line replaces the file's list: got %v", got)
	}
}

func TestValuesKeepTheirText(t *testing.T) {
	cfg := mustLoad(t, map[string]string{"config.yaml": "write-kubeconfig-mode: 0640\nhttps-listen-port: 7443\nsecrets-encryption: true\ndisable: traefik,coredns\n"}, nil)
	if got := cfg.Text("write-kubeconfig-mode"); got != "0640" {
		t.Errorf("mode: got %q", got)
	}
	if !cfg.Bool("secrets-encryption") || cfg.Text("https-listen-port") != "7443" {
		t.Error("truth value or number lost")
	}
	if got := cfg.List("disable"); !slices.Equal(got, []string{"traefik", "coredns"}) {
		t.Errorf("disable: got %v", got)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		command, file string
		args          []string
		want          string
	}{
		"unknown option":          {"server", "", []string{"--no-such"}, "--no-such"},
		"unknown key":             {"server", "no-such: 1\n", nil, "--no-such"},
		"server option on agent":  {"agent", "server: https://a:6443\n", []string{"--cluster-init"}, "--cluster-init"},
		"agent without server":    {"agent", "", nil, "--server is required"},
		"not a truth value":       {"server", "cluster-init: maybe\n", nil, "maybe"},
		"not a component":         {"server", "disable: [nginx]\n", nil, "nginx"},
		"not a mapping":           {"server", "- a\n", nil, "mapping"},
		"nested value":            {"server", "node-label: {a: {b: c}}\n", nil, "node-label"},
		"not YAML":                {"server", "a: [\n", nil, "config.yaml"},
		"missing value":           {"server", "", []string{"--node-name"}, "--node-name needs a value"},
		"argument":                {"server", "", []string{"stray"}, "stray"},
		"another network backend": {"server", "flannel-backend: wireguard-native\n", nil, "wireguard-native"},
		"mode":                    {"server", "write-kubeconfig-mode: rw\n", nil, "octal"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.command, map[string]string{"config.yaml": c.file}, nil, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want an error with %q, got %v", c.want, err)
			}
		})
	}
}

func TestNamedConfigurationFileMustExist(t *testing.T) {
	_, err := Load("server", []string{"--config", filepath.Join(t.TempDir(), "missing.yaml")}, func(string) string { return "" })
	if err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestOptionsWithoutEffectAreReported(t *testing.T) {
	cfg := mustLoad(t, map[string]string{"config.yaml": "etcd-snapshot-compress: true\n"}, nil)
	if notes := cfg.Absent(); len(notes) != 1 || !strings.Contains(notes[0], "etcd-snapshot-compress") {
		t.Errorf("got %v", notes)
	}
}

func TestChildArgumentsReplaceDefaults(t *testing.T) {
	got := childArgs([]string{"v=0", "anonymous-auth=false"}, []string{"v=2", "audit-log-path=/a", "audit-log-path=/b"})
	want := []string{"--anonymous-auth=false", "--v=2", "--audit-log-path=/a", "--audit-log-path=/b"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestWrongSnapshotOptionsAreRefused(t *testing.T) {
	for _, option := range []string{"--etcd-snapshot-schedule-cron=often", "--etcd-snapshot-retention=-1", "--etcd-snapshot-retention=few", "--cluster-reset-restore-path=/x"} {
		_, err := Load("server", []string{"--config=" + os.DevNull, option}, func(string) string { return "" })
		name, _, _ := strings.Cut(option, "=")
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", option, err)
		}
	}
}
