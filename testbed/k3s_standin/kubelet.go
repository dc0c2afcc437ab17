package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const kubeletHealth = "http://127.0.0.1:10248/healthz"

func kubeletHealthy() error {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(kubeletHealth)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &statusError{Code: resp.StatusCode, Message: "/healthz"}
	}
	return nil
}

// hasCgroupV2 tells whether the host's resource controllers are of version 2.
func hasCgroupV2() bool { return exists("/sys/fs/cgroup/cgroup.controllers") }

// kubeletConfig is written as the first drop-in; an administrator may add
// further ones beside it.
// Source: https://docs.k3s.io/installation/configuration#kubelet-configuration-files
func (a *Agent) kubeletConfig() object {
	return object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"address": "0.0.0.0",
		"authentication": object{
			"anonymous": object{"enabled": false},
			"webhook":   object{"enabled": true, "cacheTTL": "2m0s"},
			"x509":      object{"clientCAFile": a.path("client-ca.crt")},
		},
		"authorization":            object{"mode": "Webhook"},
		"cgroupDriver":             "cgroupfs",
		"clusterDNS":               []string{a.cluster["cluster-dns"]},
		"clusterDomain":            a.cluster["cluster-domain"],
		"containerRuntimeEndpoint": "unix://" + containerdSocket,
		"evictionHard":             object{"imagefs.available": "5%", "nodefs.available": "5%"},
		"evictionMinimumReclaim":   object{"imagefs.available": "10%", "nodefs.available": "10%"},
		"failCgroupV1":             hasCgroupV2(),
		"failSwapOn":               false,
		"healthzBindAddress":       "127.0.0.1",
		// A host that may not lower scores (no CAP_SYS_RESOURCE) can keep 0.
		"oomScoreAdj":           0,
		"protectKernelDefaults": a.cfg.Bool("protect-kernel-defaults"),
		"readOnlyPort":          0,
		"resolvConf":            a.resolvConf(),
		"serializeImagePulls":   false,
		"staticPodPath":         a.path("pod-manifests"),
		"tlsCertFile":           a.path("serving-kubelet.crt"),
		"tlsPrivateKeyFile":     a.path("serving-kubelet.key"),
	}
}

func (a *Agent) startKubelet() error {
	dir := a.path("etc/kubelet.conf.d")
	if err := writeFile(filepath.Join(dir, "00-k3s-defaults.conf"), toJSON(a.kubeletConfig()), 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(a.path("pod-manifests"), 0o700); err != nil {
		return err
	}
	defaults := []string{
		"config-dir=" + dir,
		"hostname-override=" + a.node.name,
		"kubeconfig=" + a.path("kubelet.kubeconfig"),
		"node-ip=" + a.node.address,
		"root-dir=/var/lib/kubelet",
		"v=" + a.cfg.Text("v"),
	}
	if labels := a.cfg.List("node-label"); len(labels) > 0 {
		defaults = append(defaults, "node-labels="+strings.Join(labels, ","))
	}
	if taints := a.cfg.List("node-taint"); len(taints) > 0 {
		defaults = append(defaults, "register-with-taints="+strings.Join(taints, ","))
	}
	return a.sup.Start("kubelet", a.bin("kubelet"), childArgs(defaults, a.cfg.List("kubelet-arg")), "GOGC=60", a.pathEnv())
}

// pathEnv puts the bundled programs before the host's.
func (a *Agent) pathEnv() string {
	return "PATH=" + dataBin(a.cfg, a.payload) + ":" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin"
}

// startProxy starts kube-proxy on nftables. It leaves the machine-wide
// connection tracking limits alone.
func (a *Agent) startProxy() error {
	defaults := []string{
		"bind-address=127.0.0.1",
		"cluster-cidr=" + a.cluster["cluster-cidr"],
		"conntrack-max-per-core=0",
		"conntrack-min=0",
		"conntrack-tcp-timeout-established=0s",
		"conntrack-tcp-timeout-close-wait=0s",
		"healthz-bind-address=127.0.0.1",
		"hostname-override=" + a.node.name,
		"kubeconfig=" + a.path("kubelet.kubeconfig"),
		"proxy-mode=nftables",
		"v=" + a.cfg.Text("v"),
	}
	return a.sup.Start("kube-proxy", a.bin("kube-proxy"), childArgs(defaults, a.cfg.List("kube-proxy-arg")), "GOGC=60")
}

// resolvConf is the resolver file that Pods inherit: the host's, unless that
// names only loopback servers, which a Pod cannot reach.
func (a *Agent) resolvConf() string {
	if path := a.cfg.Text("resolv-conf"); path != "" {
		return path
	}
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		if usableResolver(path) {
			return path
		}
	}
	path := a.path("etc/resolv.conf")
	// An address reserved for documentation: names outside the cluster fail.
	if err := writeFile(path, []byte("nameserver 192.0.2.53\n"), 0o644); err != nil {
		logf("%v", err)
	}
	return path
}

func usableResolver(path string) bool {
	raw, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	found := false
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if ip := net.ParseIP(fields[1]); ip == nil || ip.IsLoopback() {
			return false
		}
		found = true
	}
	return found
}

// kernelSettings are this network namespace's own; nothing machine-wide is set.
var kernelSettings = map[string]string{
	"net/ipv4/ip_forward":                "1",
	"net/bridge/bridge-nf-call-iptables": "1",
}

func prepareKernel() error {
	for name, want := range kernelSettings {
		path := "/proc/sys/" + name
		if old, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(old)) == want {
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0); err != nil {
			return fmt.Errorf("setting %s=%s: %w (load br_netfilter where net/bridge is missing)", name, want, err)
		}
	}
	return nil
}
