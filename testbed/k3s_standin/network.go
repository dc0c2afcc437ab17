package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// The pod network looks on the wire like flannel's vxlan backend: one device
// of this name on this port, one bridge, one route per node. No daemon
// exchanges addresses: every node computes each other's from the Node objects.
const (
	vxlanName  = "flannel.1"
	vxlanID    = 1
	vxlanPort  = 8472
	vxlanExtra = 50 // bytes that the tunnel adds to a packet
	bridgeName = "cni0"
)

// Network keeps this node's routes to the other nodes' Pods.
type Network struct {
	node   identity
	vxlan  netlink.Link
	peers  map[string]peer
	subnet *net.IPNet
}

// peer is another node's end of the tunnel.
type peer struct {
	subnet *net.IPNet
	outer  net.IP // the node's address
	inner  net.IP // the first address of its Pod range
	mac    net.HardwareAddr
}

// deviceMAC derives a node's tunnel address from its Pod range (locally
// administered, unicast), so that nodes need not tell each other.
func deviceMAC(subnet *net.IPNet) net.HardwareAddr {
	sum := sha256.Sum256([]byte("flannel.1 " + subnet.String()))
	mac := net.HardwareAddr(sum[:6])
	mac[0] = mac[0]&^1 | 2
	return mac
}

// newNetwork makes the tunnel device and the CNI configuration.
func newNetwork(a *Agent, podCIDR string) (*Network, error) {
	_, subnet, err := net.ParseCIDR(podCIDR)
	if err != nil {
		return nil, err
	}
	outer, err := netlink.LinkByName(a.node.iface)
	if err != nil {
		return nil, err
	}
	mtu := outer.Attrs().MTU - vxlanExtra
	n := &Network{node: a.node, subnet: subnet, peers: map[string]peer{}}
	if n.vxlan, err = ensureVXLAN(outer, a.node.address, subnet, mtu); err != nil {
		return nil, err
	}
	if err := masquerade(a.cluster["cluster-cidr"]); err != nil {
		return nil, err
	}
	return n, writeFile(a.path("etc/cni/net.d/10-flannel.conflist"), toJSON(cniConfig(subnet, mtu)), 0o644)
}

func cniConfig(subnet *net.IPNet, mtu int) object {
	return object{
		"cniVersion": "1.0.0", "name": "cbr0",
		"plugins": []object{
			{"type": "bridge", "bridge": bridgeName, "isDefaultGateway": true, "forceAddress": true, "hairpinMode": true, "mtu": mtu,
				"ipam": object{"type": "host-local", "ranges": [][]object{{{"subnet": subnet.String()}}}, "dataDir": "/var/lib/cni/networks"}},
			{"type": "portmap", "capabilities": object{"portMappings": true}, "backend": "nftables"},
		},
	}
}

func ensureVXLAN(outer netlink.Link, address string, subnet *net.IPNet, mtu int) (netlink.Link, error) {
	want := &netlink.Vxlan{
		LinkAttrs: netlink.LinkAttrs{Name: vxlanName, HardwareAddr: deviceMAC(subnet), MTU: mtu},
		VxlanId:   vxlanID, VtepDevIndex: outer.Attrs().Index, SrcAddr: net.ParseIP(address), Port: vxlanPort,
	}
	link, err := netlink.LinkByName(vxlanName)
	if err == nil && !sameVXLAN(link, want) {
		if err := netlink.LinkDel(link); err != nil {
			return nil, err
		}
		err = netlink.LinkNotFoundError{}
	}
	if err != nil {
		if err := netlink.LinkAdd(want); err != nil {
			return nil, fmt.Errorf("creating %s: %w", vxlanName, err)
		}
		if link, err = netlink.LinkByName(vxlanName); err != nil {
			return nil, err
		}
	}
	self := &netlink.Addr{IPNet: &net.IPNet{IP: subnet.IP, Mask: net.CIDRMask(32, 32)}}
	if err := netlink.AddrReplace(link, self); err != nil {
		return nil, err
	}
	return link, netlink.LinkSetUp(link)
}

func sameVXLAN(link netlink.Link, want *netlink.Vxlan) bool {
	have, ok := link.(*netlink.Vxlan)
	return ok && have.HardwareAddr.String() == want.HardwareAddr.String() && have.VtepDevIndex == want.VtepDevIndex &&
		have.SrcAddr.Equal(want.SrcAddr) && have.MTU == want.MTU && have.Port == want.Port
}

// masquerade hides Pod addresses from whatever lies outside the cluster, in a
// table of its own that is replaced at once.
func masquerade(clusterCIDR string) error {
	rules := fmt.Sprintf(`table ip k3s_standin
delete table ip k3s_standin
table ip k3s_standin {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr %[1]s ip daddr %[1]s return
		ip saddr %[1]s ip daddr != 224.0.0.0/4 masquerade fully-random
	}
}
`, clusterCIDR)
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}

// followInterval is how soon a new node's Pods are reachable from here.
const followInterval = 2 * time.Second

// follow keeps the routes in step with the Node objects until ctx ends.
func (n *Network) follow(ctx context.Context, client *Client) {
	last := ""
	for {
		nodes, err := client.nodes(ctx)
		if err == nil {
			err = n.reconcile(nodes)
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != last && text != "" && ctx.Err() == nil {
			logf("pod network: %s", text)
		}
		last = text
		select {
		case <-ctx.Done():
			return
		case <-time.After(followInterval):
		}
	}
}

func (n *Network) reconcile(nodes []Node) error {
	wanted := map[string]peer{}
	for _, node := range nodes {
		_, subnet, err := net.ParseCIDR(node.Spec.PodCIDR)
		outer := net.ParseIP(node.Address())
		if err != nil || outer == nil || node.Metadata.Name == n.node.name {
			continue
		}
		wanted[subnet.String()] = peer{subnet: subnet, outer: outer, inner: subnet.IP, mac: deviceMAC(subnet)}
	}
	var problems []error
	for key, p := range wanted {
		if old, ok := n.peers[key]; ok && old.outer.Equal(p.outer) {
			continue
		}
		if err := n.add(p); err != nil {
			problems = append(problems, err)
			continue
		}
		n.peers[key] = p
		logf("pod network: %s through %s", key, p.outer)
	}
	stale, err := n.staleRoutes(wanted)
	if err != nil {
		return err
	}
	for _, route := range stale {
		key := route.Dst.String()
		n.remove(peer{subnet: route.Dst, inner: route.Dst.IP, mac: deviceMAC(route.Dst), outer: n.peers[key].outer}, route)
		delete(n.peers, key)
		logf("pod network: %s removed", key)
	}
	return errors.Join(problems...)
}

func (n *Network) neighbours(p peer) (arp, fdb *netlink.Neigh) {
	index := n.vxlan.Attrs().Index
	arp = &netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, Type: syscall.RTN_UNICAST, IP: p.inner, HardwareAddr: p.mac}
	fdb = &netlink.Neigh{LinkIndex: index, State: netlink.NUD_PERMANENT, Family: syscall.AF_BRIDGE, Flags: netlink.NTF_SELF, IP: p.outer, HardwareAddr: p.mac}
	return arp, fdb
}

func (n *Network) add(p peer) error {
	arp, fdb := n.neighbours(p)
	if err := netlink.NeighSet(fdb); err != nil {
		return fmt.Errorf("forwarding entry of %s: %w", p.subnet, err)
	}
	if err := netlink.NeighSet(arp); err != nil {
		return fmt.Errorf("neighbour %s: %w", p.inner, err)
	}
	route := &netlink.Route{LinkIndex: n.vxlan.Attrs().Index, Dst: p.subnet, Gw: p.inner, Flags: int(netlink.FLAG_ONLINK)}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("route to %s: %w", p.subnet, err)
	}
	return nil
}

// staleRoutes are routes through the tunnel whose node is gone, also those left
// by an earlier run.
func (n *Network) staleRoutes(wanted map[string]peer) ([]netlink.Route, error) {
	routes, err := netlink.RouteList(n.vxlan, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	var out []netlink.Route
	for _, route := range routes {
		if route.Dst == nil || route.Gw == nil {
			continue
		}
		if _, ok := wanted[route.Dst.String()]; !ok {
			out = append(out, route)
		}
	}
	return out, nil
}

// remove drops a node's entries; one that is gone already is as good.
func (n *Network) remove(p peer, route netlink.Route) {
	_ = netlink.RouteDel(&route)
	arp, fdb := n.neighbours(p)
	_ = netlink.NeighDel(arp)
	if p.outer != nil {
		_ = netlink.NeighDel(fdb)
	}
}
