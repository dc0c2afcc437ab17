package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forge.test/k3s_standin/internal/payload"
)

// identity is this machine as the cluster sees it.
type identity struct {
	name, address, iface string
}

// agentPrograms are extracted on every node.
var agentPrograms = []string{"kubectl", "kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr",
	"bridge", "host-local", "loopback", "portmap"}

func dataBin(cfg *Config, pay *payload.Payload) string {
	return filepath.Join(cfg.Text("data-dir"), "data", pay.Hash, "bin")
}

func binary(cfg *Config, pay *payload.Payload, name string) string {
	return filepath.Join(dataBin(cfg, pay), name)
}

// extract unpacks a node's programs and points data/current at them.
func extract(cfg *Config, pay *payload.Payload, more ...string) error {
	if err := pay.Extract(dataBin(cfg, pay), append(more, agentPrograms...)...); err != nil {
		return err
	}
	return symlink(pay.Hash, filepath.Join(cfg.Text("data-dir"), "data", "current"))
}

// nodeName returns the declared name, or the host's.
func nodeName(cfg *Config) (string, error) {
	if name := cfg.Text("node-name"); name != "" {
		return strings.ToLower(name), nil
	}
	host, err := os.Hostname()
	return strings.ToLower(host), err
}

// identify finds the node's name, address and interface.
func identify(cfg *Config) (identity, error) {
	name, err := nodeName(cfg)
	if err != nil {
		return identity{}, err
	}
	id := identity{name: name}
	if ips := cfg.List("node-ip"); len(ips) > 0 {
		id.address = ips[0]
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return id, err
	}
	for _, iface := range interfaces {
		if address := firstIPv4(iface, id.address, cfg.Text("flannel-iface")); address != "" {
			id.address, id.iface = address, iface.Name
			return id, nil
		}
	}
	return id, fmt.Errorf("no interface has the node address %q (--node-ip, --flannel-iface %q)", id.address, cfg.Text("flannel-iface"))
}

// firstIPv4 returns the interface's address if it is the wanted one, or any
// where none is wanted.
func firstIPv4(iface net.Interface, wanted, wantedIface string) string {
	if iface.Flags&net.FlagLoopback != 0 || iface.Flags&net.FlagUp == 0 || iface.Name == bridgeName || iface.Name == vxlanName {
		return ""
	}
	if wanted == "" && wantedIface != "" && iface.Name != wantedIface {
		return ""
	}
	addresses, err := iface.Addrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.To4() == nil || ip.IsLinkLocalUnicast() {
			continue
		}
		if wanted == "" || ip.String() == wanted {
			return ip.String()
		}
	}
	return ""
}

// Agent is the node side, run by `k3s agent` and by a server for itself.
type Agent struct {
	cfg     *Config
	payload *payload.Payload
	sup     *Supervisor
	dir     string // <data-dir>/agent
	node    identity
	api     string // how this node's processes reach the API server
	cluster map[string]string
	images  chan error // the result of importing agent/images
}

func (a *Agent) path(name string) string { return filepath.Join(a.dir, name) }

func (a *Agent) bin(name string) string { return binary(a.cfg, a.payload, name) }

func newServerAgent(s *Server) *Agent {
	return &Agent{cfg: s.cfg, payload: s.payload, sup: s.sup, node: s.node, api: s.api,
		dir: filepath.Join(s.cfg.Text("data-dir"), "agent"), cluster: map[string]string{
			"cluster-cidr": s.cfg.Text("cluster-cidr"), "cluster-dns": s.clusterDNS(),
			"cluster-domain": s.cfg.Text("cluster-domain"), "disable-kube-proxy": s.cfg.Text("disable-kube-proxy"),
		}}
}

// startServerNode starts the node processes beside a control plane, whose keys
// sign the node's certificates.
func (a *Agent) startServerNode(ctx context.Context) error {
	tls := filepath.Join(a.cfg.Text("data-dir"), "server", "tls")
	pki, err := loadPKI(tls)
	if err != nil {
		return err
	}
	if err := writeFile(a.path("server-ca.crt"), pki.server.PEM, 0o644); err != nil {
		return err
	}
	if err := writeFile(a.path("client-ca.crt"), pki.client.PEM, 0o644); err != nil {
		return err
	}
	client := Leaf{Name: "system:node:" + a.node.name, Groups: []string{"system:nodes"}, Usages: clientUse}
	if err := pki.client.ensureLeaf(a.path("client-kubelet"), client); err != nil {
		return err
	}
	serving := Leaf{Name: client.Name, Groups: client.Groups, Hosts: []string{a.node.name, a.node.address}, Usages: serverUse}
	if err := pki.server.ensureLeaf(a.path("serving-kubelet"), serving); err != nil {
		return err
	}
	return a.startNode(ctx)
}

// runAgent joins a cluster and returns when ctx ends or a child does.
func runAgent(sup *Supervisor, cfg *Config, pay *payload.Payload) error {
	ctx := sup.ctx
	node, err := identify(cfg)
	if err != nil {
		return err
	}
	text, err := readToken(cfg, "token", "token-file")
	if err != nil {
		return err
	}
	if text == "" {
		return errors.New("--token is required: set token or token-file, or K3S_TOKEN")
	}
	token, err := ParseToken(text)
	if err != nil {
		return err
	}
	a := &Agent{cfg: cfg, payload: pay, sup: sup, node: node, dir: filepath.Join(cfg.Text("data-dir"), "agent"),
		api: "https://127.0.0.1:" + cfg.Text("lb-server-port")}
	if err := extract(cfg, pay); err != nil {
		return err
	}
	balancer, err := newBalancer(cfg.Text("server"), a.path("etc/k3s-agent-load-balancer.json"))
	if err != nil {
		return err
	}
	if err := a.join(ctx, token, balancer); err != nil {
		return err
	}
	if err := balancer.listen(ctx, "127.0.0.1:"+cfg.Text("lb-server-port")); err != nil {
		return err
	}
	if err := a.startNode(ctx); err != nil {
		return err
	}
	go balancer.follow(ctx, a)
	notify("READY=1\nSTATUS=node registered")
	logf("k3s agent is up and running")
	<-ctx.Done()
	return context.Cause(ctx)
}

// join reads the cluster's settings, starts containerd once the token is known
// to be right, and gets this node's certificates.
func (a *Agent) join(ctx context.Context, token Token, balancer *balancer) error {
	var stored struct{ Data map[string]string }
	client, ca, err := joinClient(ctx, balancer.urls(), token, "node", clusterMapPath, &stored)
	if err != nil {
		return err
	}
	a.cluster = stored.Data
	if err := a.startRuntime(); err != nil {
		return err
	}
	if err := writeFile(a.path("server-ca.crt"), ca, 0o644); err != nil {
		return err
	}
	if err := writeFile(a.path("client-ca.crt"), []byte(a.cluster["client-ca.crt"]), 0o644); err != nil {
		return err
	}
	return a.requestCertificates(ctx, client, ca)
}

// startNode starts kubelet, kube-proxy and the pod network, and waits until
// the node is registered and the kubelet healthy.
func (a *Agent) startNode(ctx context.Context) error {
	base := a.path("client-kubelet")
	if err := writeKubeconfig(a.path("kubelet.kubeconfig"), a.api, a.path("server-ca.crt"), base+".crt", base+".key"); err != nil {
		return err
	}
	select {
	case err := <-a.images:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := prepareKernel(); err != nil {
		return err
	}
	if err := a.startKubelet(); err != nil {
		return err
	}
	if a.cluster["disable-kube-proxy"] != "true" {
		if err := a.startProxy(); err != nil {
			return err
		}
	}
	client, err := newClientFrom(a.api, a.path("server-ca.crt"), base)
	if err != nil {
		return err
	}
	var self *Node
	err = retry(ctx, "this node's registration", 300*time.Millisecond, func() error {
		if self, err = client.node(ctx, a.node.name); err != nil {
			return err
		}
		if self.Spec.PodCIDR == "" {
			return errors.New("the node has no Pod range yet")
		}
		return nil
	})
	if err != nil {
		return err
	}
	network, err := newNetwork(a, self.Spec.PodCIDR)
	if err != nil {
		return fmt.Errorf("pod network: %w", err)
	}
	go network.follow(ctx, client)
	return retry(ctx, "the kubelet", 300*time.Millisecond, kubeletHealthy)
}

func toJSON(v any) []byte {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // only plain values are passed
	}
	return append(raw, '\n')
}
