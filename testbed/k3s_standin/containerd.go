package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	containerdState  = "/run/k3s/containerd"
	containerdSocket = containerdState + "/containerd.sock"
	defaultPause     = "forge.test/pause:1"
)

// startRuntime starts containerd and, behind it, the import of agent/images.
func (a *Agent) startRuntime() error {
	if err := a.writeContainerdConfig(); err != nil {
		return err
	}
	err := a.sup.Start("containerd", a.bin("containerd"), []string{"--config", a.path("etc/containerd/config.toml")},
		"GOGC=60", a.pathEnv())
	if err != nil {
		return err
	}
	a.images = make(chan error, 1)
	go func() {
		err := retry(a.sup.ctx, "containerd", 100*time.Millisecond, func() error { return criReady(a.sup.ctx) })
		if err == nil {
			err = a.importImages(a.sup.ctx)
		}
		a.images <- err
	}()
	return nil
}

func (a *Agent) pauseImage() string {
	if image := a.cfg.Text("pause-image"); image != "" {
		return image
	}
	return defaultPause
}

// writeContainerdConfig writes config.toml and the registries' certs.d folder.
func (a *Agent) writeContainerdConfig() error {
	registries, err := readRegistries(a.cfg.Text("private-registry"))
	if err != nil {
		return err
	}
	certs := a.path("etc/containerd/certs.d")
	if err := os.RemoveAll(certs); err != nil {
		return err
	}
	if err := os.MkdirAll(certs, 0o700); err != nil {
		return err
	}
	noFallback := a.cfg.Bool("disable-default-registry-endpoint")
	for host := range registries.hosts() {
		name := host
		if name == "*" {
			name = "_default"
		}
		content, err := registries.hostsTOML(host, noFallback)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(certs, name, "hosts.toml"), []byte(content), 0o600); err != nil {
			return err
		}
	}
	config := fmt.Sprintf(`# Written by k3s at every start; settings belong in /etc/rancher/k3s.
version = 3
root = %q
state = %q
oom_score = 0
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]

[grpc]
address = %q

[plugins."io.containerd.cri.v1.images"]
snapshotter = %q
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = %q
[plugins."io.containerd.cri.v1.images".registry]
config_path = %q
%s
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
tolerate_missing_hugetlb_controller = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [%q]
conf_dir = %q
[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
`, a.path("containerd"), containerdState, containerdSocket, a.cfg.Text("snapshotter"), a.pauseImage(), certs,
		registries.authTOML(), dataBin(a.cfg, a.payload), a.path("etc/cni/net.d"))
	return writeFile(a.path("etc/containerd/config.toml"), []byte(config), 0o600)
}

// Registries is registries.yaml.
// Source: https://docs.k3s.io/installation/private-registry
type Registries struct {
	Mirrors map[string]struct {
		Endpoint []string          `yaml:"endpoint"`
		Rewrite  map[string]string `yaml:"rewrite"`
	} `yaml:"mirrors"`
	Configs map[string]struct {
		Auth struct {
			Username      string `yaml:"username"`
			Password      string `yaml:"password"`
			Auth          string `yaml:"auth"`
			IdentityToken string `yaml:"identity_token"`
		} `yaml:"auth"`
		TLS struct {
			CAFile   string `yaml:"ca_file"`
			CertFile string `yaml:"cert_file"`
			KeyFile  string `yaml:"key_file"`
			Insecure bool   `yaml:"insecure_skip_verify"`
		} `yaml:"tls"`
	} `yaml:"configs"`
}

func readRegistries(path string) (*Registries, error) {
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return &Registries{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &Registries{}
	if err := yaml.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for host, mirror := range out.Mirrors {
		if len(mirror.Rewrite) > 0 {
			return nil, fmt.Errorf("%s: mirrors.%s.rewrite: upstream containerd cannot rewrite names; use the name of the image in the mirror", path, host)
		}
	}
	return out, nil
}

// hosts are the registries that need a hosts.toml: mirrored or with TLS.
func (r *Registries) hosts() map[string]bool {
	out := map[string]bool{}
	for host := range r.Mirrors {
		out[host] = true
	}
	for host := range r.Configs {
		out[host] = true
	}
	return out
}

// hostsTOML is one registry's file: its mirrors in order, then itself.
func (r *Registries) hostsTOML(host string, noFallback bool) (string, error) {
	var out strings.Builder
	endpoints := slices.Clone(r.Mirrors[host].Endpoint)
	own := "https://" + host
	if host == "docker.io" {
		own = "https://registry-1.docker.io"
	}
	if host != "*" && !(noFallback && len(endpoints) > 0) {
		fmt.Fprintf(&out, "server = %q\n", own+"/v2")
		endpoints = append(endpoints, own)
	} else if noFallback && len(endpoints) > 0 {
		fmt.Fprintf(&out, "server = %q\n", endpoints[0])
	}
	seen := map[string]bool{}
	for _, endpoint := range endpoints {
		if !strings.Contains(endpoint, "://") {
			endpoint = "https://" + endpoint
		}
		target, err := url.Parse(endpoint)
		if err != nil || target.Host == "" {
			return "", fmt.Errorf("registries.yaml: mirrors.%s.endpoint: %q is not an address such as https://registry:5000", host, endpoint)
		}
		if target.Path == "" || target.Path == "/" {
			target.Path = "/v2"
		}
		if seen[target.String()] {
			continue
		}
		seen[target.String()] = true
		fmt.Fprintf(&out, "\n[host.%q]\ncapabilities = [\"pull\", \"resolve\"]\n", target.String())
		if !strings.HasSuffix(target.Path, "/v2") {
			out.WriteString("override_path = true\n")
		}
		r.tlsTOML(&out, target.Host)
	}
	return out.String(), nil
}

func (r *Registries) tlsTOML(out *strings.Builder, host string) {
	tls := r.Configs[host].TLS
	if tls.CAFile != "" {
		fmt.Fprintf(out, "ca = [%q]\n", tls.CAFile)
	}
	if tls.CertFile != "" {
		fmt.Fprintf(out, "client = [[%q, %q]]\n", tls.CertFile, tls.KeyFile)
	}
	if tls.Insecure {
		out.WriteString("skip_verify = true\n")
	}
}

// authTOML is the credentials' part of config.toml, which is 0600.
func (r *Registries) authTOML() string {
	var out strings.Builder
	for host, config := range r.Configs {
		fields := map[string]string{"username": config.Auth.Username, "password": config.Auth.Password,
			"auth": config.Auth.Auth, "identitytoken": config.Auth.IdentityToken}
		header := false
		for _, name := range []string{"username", "password", "auth", "identitytoken"} {
			if fields[name] == "" {
				continue
			}
			if !header {
				fmt.Fprintf(&out, "[plugins.\"io.containerd.cri.v1.images\".registry.configs.%q.auth]\n", host)
				header = true
			}
			fmt.Fprintf(&out, "%s = %q\n", name, fields[name])
		}
	}
	return out.String()
}

// ctr runs the bundled client on the Pods' namespace.
func (a *Agent) ctr(ctx context.Context, args ...string) *execCmd {
	return command(ctx, a.bin("ctr"), append([]string{"--address", containerdSocket, "--namespace", "k8s.io"}, args...)...)
}
