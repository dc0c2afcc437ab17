package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// etcdPorts: clients, peers, metrics. Source: https://docs.k3s.io/installation/requirements#networking
const (
	etcdClientPort  = "2379"
	etcdPeerPort    = "2380"
	etcdMetricsPort = "2381"
)

// member is one etcd member as its JSON gateway shows it.
type member struct {
	ID         string   `json:"ID"`
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peerURLs"`
	ClientURLs []string `json:"clientURLs"`
	IsLearner  bool     `json:"isLearner"`
}

func (s *Server) etcdDir() string { return filepath.Join(s.dir, "db", "etcd") }

func (s *Server) peerURL() string { return "https://" + s.node.address + ":" + etcdPeerPort }

// hasData tells whether this server was a member before.
func (s *Server) hasData() bool { return exists(filepath.Join(s.etcdDir(), "member")) }

// startEtcd starts the member. initial holds all members as NAME=URL, and is
// ignored by etcd once there is data.
func (s *Server) startEtcd(initial []string, state string) error {
	return s.startEtcdIn(s.etcdDir(), initial, state)
}

// startEtcdIn starts the member on a folder of data, with more arguments.
func (s *Server) startEtcdIn(dir string, initial []string, state string, more ...string) error {
	client := "https://" + s.node.address + ":" + etcdClientPort
	metrics := "http://127.0.0.1:" + etcdMetricsPort
	if s.cfg.Bool("etcd-expose-metrics") {
		metrics += ",http://" + s.node.address + ":" + etcdMetricsPort
	}
	args := childArgs([]string{
		"name=" + s.node.name,
		"data-dir=" + dir,
		"initial-cluster=" + strings.Join(initial, ","),
		"initial-cluster-state=" + state,
		"initial-advertise-peer-urls=" + s.peerURL(),
		"listen-peer-urls=" + s.peerURL(),
		"listen-client-urls=https://127.0.0.1:" + etcdClientPort + "," + client,
		"advertise-client-urls=" + client,
		"listen-metrics-urls=" + metrics,
		"client-cert-auth=true",
		"trusted-ca-file=" + s.pki.path("etcd/server-ca.crt"),
		"cert-file=" + s.pki.path("etcd/server-client.crt"),
		"key-file=" + s.pki.path("etcd/server-client.key"),
		"peer-client-cert-auth=true",
		"peer-trusted-ca-file=" + s.pki.path("etcd/peer-ca.crt"),
		"peer-cert-file=" + s.pki.path("etcd/peer-server-client.crt"),
		"peer-key-file=" + s.pki.path("etcd/peer-server-client.key"),
		"snapshot-count=10000",
		"heartbeat-interval=250",
		"election-timeout=2500",
		"log-level=warn",
	}, s.cfg.List("etcd-arg"))
	args = append(args, more...)
	return s.sup.Start("etcd", s.bin("etcd"), args, "GOGC=50")
}

func (s *Server) etcdClient(address string) (*Client, error) {
	return newClientFrom("https://"+address+":"+etcdClientPort, s.pki.path("etcd/server-ca.crt"), s.pki.path("etcd/client"))
}

// members lists the members known at address.
func (s *Server) members(ctx context.Context, address string, linearizable bool) ([]member, error) {
	client, err := s.etcdClient(address)
	if err != nil {
		return nil, err
	}
	var out struct{ Members []member }
	err = client.post(ctx, "/v3/cluster/member/list", object{"linearizable": linearizable}, &out)
	return out.Members, err
}

// joinEtcd adds this server as a learner and returns the initial cluster. A
// member left behind with this server's address is removed first: this server
// has no data, so that member is gone.
func (s *Server) joinEtcd(ctx context.Context, voters []string) ([]string, error) {
	if err := writeFile(s.votersFile(), toJSON(voters), 0o600); err != nil {
		return nil, err
	}
	var initial []string
	err := retry(ctx, "a place as etcd member", 2*time.Second, func() error {
		var last error
		for _, address := range voters {
			initial, last = s.addLearner(ctx, address)
			if last == nil {
				return nil
			}
		}
		return fmt.Errorf("etcd members %s: %w", strings.Join(voters, ", "), last)
	})
	return initial, err
}

func (s *Server) addLearner(ctx context.Context, address string) ([]string, error) {
	client, err := s.etcdClient(address)
	if err != nil {
		return nil, err
	}
	list, err := s.members(ctx, address, true)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.IsLearner && !slices.Contains(m.PeerURLs, s.peerURL()) {
			return nil, fmt.Errorf("%s joins just now; one at a time", strings.Join(m.PeerURLs, ", "))
		}
		if slices.Contains(m.PeerURLs, s.peerURL()) {
			logf("removing etcd member %s (%s): this server has its address and no data", m.ID, m.Name)
			if err := client.post(ctx, "/v3/cluster/member/remove", object{"ID": m.ID}, nil); err != nil {
				return nil, err
			}
		}
	}
	var out struct{ Members []member }
	add := object{"peerURLs": []string{s.peerURL()}, "isLearner": true}
	if err := client.post(ctx, "/v3/cluster/member/add", add, &out); err != nil {
		return nil, err
	}
	var initial []string
	for _, m := range out.Members {
		name := m.Name
		if slices.Contains(m.PeerURLs, s.peerURL()) {
			name = s.node.name
		}
		for _, url := range m.PeerURLs {
			initial = append(initial, name+"="+url)
		}
	}
	return initial, nil
}

// awaitEtcd waits until the local member serves, and has it promoted if it is
// still a learner (also after an interrupted join).
func (s *Server) awaitEtcd(ctx context.Context) error {
	client, err := s.etcdClient("127.0.0.1")
	if err != nil {
		return err
	}
	return retry(ctx, "etcd", 300*time.Millisecond, func() error {
		// A learner answers no request at all but this refusal.
		_, err := s.members(ctx, "127.0.0.1", false)
		if err != nil && strings.Contains(err.Error(), "not supported for learner") {
			if err := s.promote(ctx); err != nil {
				return fmt.Errorf("promotion of this learner: %w", err)
			}
		} else if err != nil {
			return err
		}
		return client.get(ctx, "/health", nil)
	})
}

// votersFile remembers through a join who can promote this member.
func (s *Server) votersFile() string { return s.path("db/voters.json") }

// promote asks the voting members to make this learner one of them.
func (s *Server) promote(ctx context.Context) error {
	raw, err := os.ReadFile(s.votersFile())
	if err != nil {
		return err
	}
	var voters []string
	if err := json.Unmarshal(raw, &voters); err != nil {
		return err
	}
	err = errors.New("no voting member is known")
	for _, address := range voters {
		if err = s.promoteAt(ctx, address); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) promoteAt(ctx context.Context, address string) error {
	list, err := s.members(ctx, address, true)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(m member) bool { return slices.Contains(m.PeerURLs, s.peerURL()) })
	if at < 0 {
		return permanent("this server (%s) was removed from its etcd cluster: delete %s and start again to join anew", s.peerURL(), s.etcdDir())
	}
	if !list[at].IsLearner {
		return nil
	}
	client, err := s.etcdClient(address)
	if err != nil {
		return err
	}
	if err := client.post(ctx, "/v3/cluster/member/promote", object{"ID": list[at].ID}, nil); err != nil {
		return err
	}
	logf("etcd learner %s promoted to voting member", list[at].ID)
	return nil
}
