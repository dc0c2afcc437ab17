package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"forge.test/k3s_standin/internal/payload"
)

// Server is one run of `k3s server`.
type Server struct {
	cfg     *Config
	payload *payload.Payload
	sup     *Supervisor
	dir     string // <data-dir>/server
	node    identity
	pki     *PKI
	token   Token
	agent   string // agent-token's secret, "" if none is set
	admin   *Client
	api     string // this server's API server as its own processes reach it
}

func (s *Server) bin(name string) string { return binary(s.cfg, s.payload, name) }

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// serverPrograms are extracted on a server in addition to an agent's.
var serverPrograms = []string{"etcd", "etcdctl", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// runServer brings the control plane up and returns when ctx ends or a child
// does.
func runServer(sup *Supervisor, cfg *Config, pay *payload.Payload) error {
	ctx := sup.ctx
	node, err := identify(cfg)
	if err != nil {
		return err
	}
	s := &Server{cfg: cfg, payload: pay, sup: sup, node: node, dir: filepath.Join(cfg.Text("data-dir"), "server"),
		api: "https://127.0.0.1:" + cfg.Text("https-listen-port")}
	if err := os.MkdirAll(s.path("tls/etcd"), 0o700); err != nil {
		return err
	}
	if err := s.refuseHalfRestored(); err != nil {
		return err
	}
	if err := s.resolveToken(); err != nil {
		return err
	}
	if err := extract(cfg, pay, serverPrograms...); err != nil {
		return err
	}
	agent := newServerAgent(s)
	if !cfg.Bool("disable-agent") {
		if err := agent.startRuntime(); err != nil {
			return err
		}
	}
	if err := s.bringUp(ctx); err != nil {
		return err
	}
	notify("READY=1\nSTATUS=API server ready")
	if err := s.startControllers(ctx); err != nil {
		return err
	}
	if err := s.publish(ctx); err != nil {
		return err
	}
	go s.approveServing(ctx)
	go s.runManifests(ctx)
	if !cfg.Bool("disable-agent") {
		if err := agent.startServerNode(ctx); err != nil {
			return err
		}
		if err := s.labelNode(ctx); err != nil {
			return err
		}
	}
	if err := s.endReset(); err != nil {
		return err
	}
	if err := s.startSnapshots(ctx); err != nil {
		return err
	}
	logf("k3s is up and running")
	<-ctx.Done()
	return context.Cause(ctx)
}

// bringUp starts etcd and the API server, joining a cluster first if told to.
func (s *Server) bringUp(ctx context.Context) error {
	joining := !s.hasData() && s.cfg.Text("server") != ""
	var members []string
	if joining {
		logf("joining the cluster of %s", s.cfg.Text("server"))
		var err error
		if members, err = s.fetchBundle(ctx); err != nil {
			return err
		}
	}
	if err := s.prepareFiles(); err != nil {
		return err
	}
	initial, state := []string{s.node.name + "=" + s.peerURL()}, "new"
	if joining {
		var err error
		if initial, err = s.joinEtcd(ctx, members); err != nil {
			return err
		}
		state = "existing"
	}
	if err := s.startEtcd(initial, state); err != nil {
		return err
	}
	if err := s.awaitEtcd(ctx); err != nil {
		return err
	}
	if err := s.startAPI(); err != nil {
		return err
	}
	var err error
	if s.admin, err = newClientFrom(s.api, s.pki.path("server-ca.crt"), s.pki.path("client-supervisor")); err != nil {
		return err
	}
	return retry(ctx, "the API server", 250*time.Millisecond, func() error { return s.admin.ready(ctx) })
}

// resolveToken takes the server token from the options, from an earlier start,
// or makes one.
func (s *Server) resolveToken() error {
	given, err := readToken(s.cfg, "token", "token-file")
	if err != nil {
		return err
	}
	stored, err := os.ReadFile(s.path("token"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	switch {
	case given == "" && stored != nil:
		given = string(stored)
	case given == "" && s.cfg.Text("server") != "":
		return errors.New("--token is required to join a cluster: set token or token-file")
	case given == "":
		given = randomHex(16)
	}
	if s.token, err = ParseToken(given); err != nil {
		return err
	}
	if stored != nil {
		old, err := ParseToken(string(stored))
		if err == nil && old.Secret != s.token.Secret {
			return errors.New("bootstrap data already found and encrypted with different token: this server was set up with another token (server/token); restore that token, a changed one is not accepted")
		}
	}
	agent, err := readToken(s.cfg, "agent-token", "agent-token-file")
	if err != nil || agent == "" {
		return err
	}
	parsed, err := ParseToken(agent)
	s.agent = parsed.Secret
	return err
}

// prepareFiles makes certificates, token files, credentials and kubeconfigs.
func (s *Server) prepareFiles() error {
	var err error
	if s.pki, err = loadPKI(s.path("tls")); err != nil {
		return err
	}
	if s.token.CAHash != "" && s.token.CAHash != caHash(s.pki.server.PEM) {
		return fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s", s.token.CAHash, caHash(s.pki.server.PEM))
	}
	serviceIP, err := nthAddress(s.cfg.Text("service-cidr"), 1)
	if err != nil {
		return fmt.Errorf("--service-cidr: %w", err)
	}
	extra := append(s.cfg.List("tls-san"), s.cfg.Text("advertise-address"))
	err = s.pki.ensureLeaves(names{node: s.node.name, domain: s.cfg.Text("cluster-domain"), serviceIP: serviceIP,
		addresses: []string{s.node.address}, extra: extra})
	if err != nil {
		return err
	}
	if err := s.writeTokens(); err != nil {
		return err
	}
	if err := s.writeEncryption(); err != nil {
		return err
	}
	mode, err := strconv.ParseUint(s.cfg.Text("write-kubeconfig-mode"), 8, 32)
	if err != nil {
		return err
	}
	if err := writeAdminKubeconfig(s.cfg.Text("write-kubeconfig"), s.api, s.pki, os.FileMode(mode)); err != nil {
		return err
	}
	for file, cert := range map[string]string{"admin": "client-admin", "controller": "client-controller", "scheduler": "client-scheduler"} {
		base := s.pki.path(cert)
		if err := writeKubeconfig(s.path("cred/"+file+".kubeconfig"), s.api, s.pki.path("server-ca.crt"), base+".crt", base+".key"); err != nil {
			return err
		}
	}
	return nil
}

// writeTokens writes the token files and the API server's list of join
// credentials: an agent's may only join agents, a server's also servers.
func (s *Server) writeTokens() error {
	secure := FormatToken(s.pki.server.PEM, "server", s.token.Secret) + "\n"
	if err := writeFile(s.path("token"), []byte(secure), 0o600); err != nil {
		return err
	}
	if err := symlink("token", s.path("node-token")); err != nil {
		return err
	}
	agentSecret := s.token.Secret
	if s.agent != "" {
		agentSecret = s.agent
	}
	agentToken := FormatToken(s.pki.server.PEM, "node", agentSecret) + "\n"
	if err := writeFile(s.path("agent-token"), []byte(agentToken), 0o600); err != nil {
		return err
	}
	line := func(secret, role, group string) string {
		bearer := Token{Secret: secret}.Bearer(role)
		return fmt.Sprintf("%s,system:bootstrap:k3s-%s,k3s-%s,%q\n", bearer, role, role, group)
	}
	lines := line(s.token.Secret, "server", "k3s:servers") + line(s.token.Secret, "node", "k3s:nodes")
	if s.agent != "" {
		lines += line(s.agent, "node", "k3s:nodes")
	}
	return writeFile(s.path("cred/passwd"), []byte(lines), 0o600)
}

// symlink points link at target, replacing what is there.
func symlink(target, link string) error {
	if old, err := os.Readlink(link); err == nil && old == target {
		return nil
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, link)
}

func (s *Server) encryptionFile() string { return s.path("cred/encryption-config.json") }

// writeEncryption makes the encryption key on the first start. A key that
// exists is never replaced, nor removed when the option is: Secrets need it.
// Source: https://docs.k3s.io/security/secrets-encryption
func (s *Server) writeEncryption() error {
	if !s.cfg.Bool("secrets-encryption") || exists(s.encryptionFile()) {
		return nil
	}
	if s.hasData() {
		logf("secrets-encryption on an existing cluster: Secrets written from now on are encrypted, earlier ones when they are next written")
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	provider := s.cfg.Text("secrets-encryption-provider")
	name := provider + "key"
	raw, err := json.Marshal(object{
		"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1",
		"resources": []object{{
			"resources": []string{"secrets"},
			"providers": []object{
				{provider: object{"keys": []object{{"name": name, "secret": base64.StdEncoding.EncodeToString(key)}}}},
				{"identity": object{}},
			},
		}},
	})
	if err != nil {
		return err
	}
	return writeFile(s.encryptionFile(), raw, 0o600)
}

// labelNode gives this server's node the labels of its roles.
func (s *Server) labelNode(ctx context.Context) error {
	labels := object{"node-role.kubernetes.io/control-plane": "true", "node-role.kubernetes.io/etcd": "true"}
	return retry(ctx, "this server's node", time.Second, func() error {
		return s.admin.merge(ctx, "/api/v1/nodes/"+s.node.name, object{"metadata": object{"labels": labels}})
	})
}

// childArgs turns K=V defaults and a user's -arg options into a child's
// arguments: a user's value replaces the default of the same key.
func childArgs(defaults, extra []string) []string {
	var out []string
	set := map[string]bool{}
	for _, arg := range extra {
		key, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		set[key] = true
	}
	for _, arg := range defaults {
		if key, _, _ := strings.Cut(arg, "="); !set[key] {
			out = append(out, "--"+arg)
		}
	}
	for _, arg := range extra {
		out = append(out, "--"+strings.TrimLeft(arg, "-"))
	}
	return out
}
