package main

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// PKI is the server's certificates under server/tls, with K3s's file names.
type PKI struct {
	dir                    string
	server, client, header *Authority
	etcdServer, etcdPeer   *Authority
}

func (p *PKI) path(name string) string { return filepath.Join(p.dir, name) }

// caFiles are the authorities' and signing keys that every server shares.
var caFiles = []string{
	"server-ca.crt", "server-ca.key", "client-ca.crt", "client-ca.key",
	"request-header-ca.crt", "request-header-ca.key", "etcd/server-ca.crt", "etcd/server-ca.key",
	"etcd/peer-ca.crt", "etcd/peer-ca.key", "service.key",
}

// loadPKI reads the authorities, and makes them on the first start.
func loadPKI(dir string) (*PKI, error) {
	p := &PKI{dir: dir}
	for _, ca := range []struct {
		at   **Authority
		name string
	}{
		{&p.server, "server-ca"}, {&p.client, "client-ca"}, {&p.header, "request-header-ca"},
		{&p.etcdServer, "etcd/server-ca"}, {&p.etcdPeer, "etcd/peer-ca"},
	} {
		authority, err := loadAuthority(p.path(ca.name), filepath.Base(ca.name))
		if err != nil {
			return nil, err
		}
		*ca.at = authority
	}
	_, err := ensureKey(p.path("service.key"))
	return p, err
}

// names says what a server's certificates must hold.
type names struct {
	node, domain, serviceIP string
	addresses, extra        []string
}

// ensureLeaves makes or renews what this server presents.
func (p *PKI) ensureLeaves(n names) error {
	local := append([]string{"localhost", n.node, "127.0.0.1", "::1"}, n.addresses...)
	api := append([]string{"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc." + n.domain, n.serviceIP}, local...)
	api = append(api, n.extra...)
	masters := []string{"system:masters"}
	for _, item := range []struct {
		ca   *Authority
		file string
		leaf Leaf
	}{
		{p.server, "serving-kube-apiserver", Leaf{Name: "kube-apiserver", Hosts: api, Usages: serverUse}},
		{p.client, "client-admin", Leaf{Name: "system:admin", Groups: masters, Usages: clientUse}},
		{p.client, "client-supervisor", Leaf{Name: "system:k3s-supervisor", Groups: masters, Usages: clientUse}},
		{p.client, "client-kube-apiserver", Leaf{Name: "system:apiserver", Groups: masters, Usages: clientUse}},
		{p.client, "client-controller", Leaf{Name: "system:kube-controller-manager", Usages: clientUse}},
		{p.client, "client-scheduler", Leaf{Name: "system:kube-scheduler", Usages: clientUse}},
		{p.header, "client-auth-proxy", Leaf{Name: "system:auth-proxy", Usages: clientUse}},
		{p.etcdServer, "etcd/client", Leaf{Name: "etcd-client", Usages: clientUse}},
		{p.etcdServer, "etcd/server-client", Leaf{Name: "etcd-server", Hosts: local, Usages: peerUse}},
		{p.etcdPeer, "etcd/peer-server-client", Leaf{Name: "etcd-peer", Hosts: local, Usages: peerUse}},
	} {
		if err := item.ca.ensureLeaf(p.path(item.file), item.leaf); err != nil {
			return fmt.Errorf("certificate %s: %w", item.file, err)
		}
	}
	return nil
}

// writeKubeconfig writes a kubeconfig that names its credential's files.
func writeKubeconfig(path, server, ca, cert, key string) error {
	return writeFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: local
  cluster:
    server: %s
    certificate-authority: %s
users:
- name: user
  user:
    client-certificate: %s
    client-key: %s
contexts:
- name: Default
  context: {cluster: local, namespace: default, user: user}
current-context: Default
`, server, ca, cert, key), 0o600)
}

// writeAdminKubeconfig writes k3s.yaml: it carries its credential, so that it
// can be copied away.
// Source: https://docs.k3s.io/cluster-access
func writeAdminKubeconfig(path, server string, p *PKI, mode os.FileMode) error {
	cert, err := os.ReadFile(p.path("client-admin.crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(p.path("client-admin.key"))
	if err != nil {
		return err
	}
	encode := base64.StdEncoding.EncodeToString
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeFile(path, fmt.Appendf(nil, `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %s
    server: %s
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    client-certificate-data: %s
    client-key-data: %s
`, encode(p.server.PEM), server, encode(cert), encode(key)), mode)
}

// nthAddress returns the n-th address of an IPv4 range (n >= 1).
func nthAddress(cidr string, n int) (string, error) {
	ip, network, err := net.ParseCIDR(cidr)
	if err != nil || ip.To4() == nil {
		return "", fmt.Errorf("%q is not an IPv4 range such as 10.43.0.0/16", cidr)
	}
	base := network.IP.To4()
	value := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	value += uint32(n)
	return net.IPv4(byte(value>>24), byte(value>>16), byte(value>>8), byte(value)).String(), nil
}
