package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

// balancer forwards an agent's API connections to whichever server answers.
// Source: https://docs.k3s.io/architecture#fixed-registration-address-for-agent-nodes
type balancer struct {
	mutex   sync.Mutex
	first   string   // the host:port of --server
	servers []string // host:port, the last one that answered first
	file    string
}

func newBalancer(server, file string) (*balancer, error) {
	target, err := url.Parse(server)
	if err != nil || target.Scheme != "https" || target.Host == "" {
		return nil, fmt.Errorf("--server: %q is not an address such as https://10.20.0.11:6443", server)
	}
	host := target.Host
	if target.Port() == "" {
		host += ":443"
	}
	b := &balancer{first: host, servers: []string{host}, file: file}
	var stored []string
	if raw, err := os.ReadFile(file); err == nil && json.Unmarshal(raw, &stored) == nil {
		b.update(stored)
	}
	return b, nil
}

// urls lists the servers to try when joining: the configured one first.
func (b *balancer) urls() []string {
	out := []string{"https://" + b.first}
	for _, host := range b.list() {
		if host != b.first {
			out = append(out, "https://"+host)
		}
	}
	return out
}

func (b *balancer) list() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.Clone(b.servers)
}

// update takes the current servers; an empty list is not believed.
func (b *balancer) update(servers []string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if len(servers) == 0 {
		return
	}
	var next []string
	for _, host := range append(slices.Clone(b.servers), servers...) {
		if slices.Contains(servers, host) && !slices.Contains(next, host) {
			next = append(next, host)
		}
	}
	if slices.Equal(next, b.servers) {
		return
	}
	b.servers = next
	if err := writeFile(b.file, toJSON(next), 0o600); err != nil {
		logf("%v", err)
	}
}

// prefer puts a server that answered first.
func (b *balancer) prefer(host string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if at := slices.Index(b.servers, host); at > 0 {
		b.servers = append([]string{host}, slices.Delete(b.servers, at, at+1)...)
		logf("API connections now go to %s", host)
	}
}

func (b *balancer) listen(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("load balancer (--lb-server-port): %w", err)
	}
	go func() {
		<-ctx.Done()
		listener.Close()
	}()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go b.forward(conn)
		}
	}()
	return nil
}

func (b *balancer) forward(local net.Conn) {
	defer local.Close()
	dialer := net.Dialer{Timeout: 3 * time.Second, KeepAlive: 10 * time.Second}
	for _, host := range b.list() {
		remote, err := dialer.Dial("tcp", host)
		if err != nil {
			continue
		}
		defer remote.Close()
		b.prefer(host)
		go func() {
			_, _ = io.Copy(remote, local)
			remote.Close()
		}()
		_, _ = io.Copy(local, remote)
		return
	}
}

// follow learns the servers from the kubernetes Service's endpoints.
func (b *balancer) follow(ctx context.Context, a *Agent) {
	client, err := newClientFrom(a.api, a.path("server-ca.crt"), a.path("client-kubelet"))
	if err != nil {
		logf("%v", err)
		return
	}
	last := ""
	for {
		servers, err := apiServers(ctx, client)
		b.update(servers)
		if err != nil && err.Error() != last && ctx.Err() == nil {
			last = err.Error()
			logf("learning the cluster's servers: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(15 * time.Second):
		}
	}
}

func apiServers(ctx context.Context, client *Client) ([]string, error) {
	var list struct {
		Items []struct {
			Endpoints []struct{ Addresses []string }
			Ports     []struct{ Port int }
		}
	}
	path := "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dkubernetes"
	if err := client.get(ctx, path, &list); err != nil {
		return nil, err
	}
	var servers []string
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			for _, address := range endpoint.Addresses {
				for _, port := range slice.Ports {
					servers = append(servers, net.JoinHostPort(address, fmt.Sprint(port.Port)))
				}
			}
		}
	}
	return servers, nil
}
