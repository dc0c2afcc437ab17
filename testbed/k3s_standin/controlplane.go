package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// startAPI starts kube-apiserver directly on the documented port.
func (s *Server) startAPI() error {
	tls, issuer := s.pki.path, "https://kubernetes.default.svc."+s.cfg.Text("cluster-domain")
	advertise := s.cfg.Text("advertise-address")
	if advertise == "" {
		advertise = s.node.address
	}
	defaults := []string{
		"advertise-address=" + advertise,
		"allow-privileged=true",
		"anonymous-auth=false",
		"api-audiences=" + issuer + ",k3s",
		"authorization-mode=Node,RBAC",
		"bind-address=" + s.cfg.Text("bind-address"),
		"client-ca-file=" + tls("client-ca.crt"),
		"enable-admission-plugins=NodeRestriction",
		"etcd-servers=https://127.0.0.1:" + etcdClientPort,
		"etcd-cafile=" + tls("etcd/server-ca.crt"),
		"etcd-certfile=" + tls("etcd/client.crt"),
		"etcd-keyfile=" + tls("etcd/client.key"),
		"kubelet-certificate-authority=" + tls("server-ca.crt"),
		"kubelet-client-certificate=" + tls("client-kube-apiserver.crt"),
		"kubelet-client-key=" + tls("client-kube-apiserver.key"),
		"kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"profiling=false",
		"proxy-client-cert-file=" + tls("client-auth-proxy.crt"),
		"proxy-client-key-file=" + tls("client-auth-proxy.key"),
		"requestheader-allowed-names=system:auth-proxy",
		"requestheader-client-ca-file=" + tls("request-header-ca.crt"),
		"requestheader-extra-headers-prefix=X-Remote-Extra-",
		"requestheader-group-headers=X-Remote-Group",
		"requestheader-username-headers=X-Remote-User",
		"secure-port=" + s.cfg.Text("https-listen-port"),
		"service-account-issuer=" + issuer,
		"service-account-key-file=" + tls("service.key"),
		"service-account-signing-key-file=" + tls("service.key"),
		"service-cluster-ip-range=" + s.cfg.Text("service-cidr"),
		"service-node-port-range=" + s.cfg.Text("service-node-port-range"),
		"tls-cert-file=" + tls("serving-kube-apiserver.crt"),
		"tls-private-key-file=" + tls("serving-kube-apiserver.key"),
		"token-auth-file=" + s.path("cred/passwd"),
		"v=" + s.cfg.Text("v"),
	}
	if exists(s.encryptionFile()) {
		defaults = append(defaults, "encryption-provider-config="+s.encryptionFile())
	}
	return s.sup.Start("kube-apiserver", s.bin("kube-apiserver"), childArgs(defaults, s.cfg.List("kube-apiserver-arg")), "GOGC=60")
}

// startControllers starts the controller manager and the scheduler.
func (s *Server) startControllers(ctx context.Context) error {
	s.releaseLeases(ctx)
	tls, controller, scheduler := s.pki.path, s.path("cred/controller.kubeconfig"), s.path("cred/scheduler.kubeconfig")
	defaults := []string{
		"allocate-node-cidrs=true",
		"authentication-kubeconfig=" + controller,
		"authorization-kubeconfig=" + controller,
		"bind-address=127.0.0.1",
		"cluster-cidr=" + s.cfg.Text("cluster-cidr"),
		"cluster-signing-kube-apiserver-client-cert-file=" + tls("client-ca.crt"),
		"cluster-signing-kube-apiserver-client-key-file=" + tls("client-ca.key"),
		"cluster-signing-kubelet-client-cert-file=" + tls("client-ca.crt"),
		"cluster-signing-kubelet-client-key-file=" + tls("client-ca.key"),
		"cluster-signing-kubelet-serving-cert-file=" + tls("server-ca.crt"),
		"cluster-signing-kubelet-serving-key-file=" + tls("server-ca.key"),
		"cluster-signing-legacy-unknown-cert-file=" + tls("client-ca.crt"),
		"cluster-signing-legacy-unknown-key-file=" + tls("client-ca.key"),
		"configure-cloud-routes=false",
		"kubeconfig=" + controller,
		"profiling=false",
		"root-ca-file=" + tls("server-ca.crt"),
		"service-account-private-key-file=" + tls("service.key"),
		"service-cluster-ip-range=" + s.cfg.Text("service-cidr"),
		"use-service-account-credentials=true",
		"v=" + s.cfg.Text("v"),
	}
	args := childArgs(defaults, s.cfg.List("kube-controller-manager-arg"))
	if err := s.sup.Start("kube-controller-manager", s.bin("kube-controller-manager"), args, "GOGC=60"); err != nil {
		return err
	}
	args = childArgs([]string{
		"authentication-kubeconfig=" + scheduler,
		"authorization-kubeconfig=" + scheduler,
		"bind-address=127.0.0.1",
		"kubeconfig=" + scheduler,
		"profiling=false",
		"v=" + s.cfg.Text("v"),
	}, s.cfg.List("kube-scheduler-arg"))
	return s.sup.Start("kube-scheduler", s.bin("kube-scheduler"), args, "GOGC=60")
}

// releaseLeases gives up the leader leases that this host's earlier processes
// held: they are this service's children and gone, and waiting for the leases
// to expire would cost a restart 15 seconds.
func (s *Server) releaseLeases(ctx context.Context) {
	host, err := os.Hostname()
	if err != nil {
		return
	}
	for _, name := range []string{"kube-controller-manager", "kube-scheduler"} {
		path := "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/" + name
		var lease struct {
			Spec struct{ HolderIdentity string }
		}
		if s.admin.get(ctx, path, &lease) != nil || !strings.HasPrefix(lease.Spec.HolderIdentity, host+"_") {
			continue
		}
		if err := s.admin.merge(ctx, path, object{"spec": object{"holderIdentity": ""}}); err != nil {
			logf("releasing the lease of %s: %v", name, err)
		}
	}
}

// publish writes what joining nodes read, and the rights to read it.
func (s *Server) publish(ctx context.Context) error {
	clientCA := s.pki.client.PEM
	cluster := object{
		"client-ca.crt":      string(clientCA),
		"cluster-cidr":       s.cfg.Text("cluster-cidr"),
		"cluster-dns":        s.clusterDNS(),
		"cluster-domain":     s.cfg.Text("cluster-domain"),
		"disable-kube-proxy": fmt.Sprint(s.cfg.Bool("disable-kube-proxy")),
	}
	return retry(ctx, "the API server to accept the cluster's own objects", time.Second, func() error {
		for path, obj := range joinObjects() {
			if err := s.admin.apply(ctx, path, obj); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		err := s.admin.apply(ctx, clusterMapPath, object{
			"apiVersion": "v1", "kind": "ConfigMap", "data": cluster,
			"metadata": object{"name": "k3s-standin-cluster", "namespace": "kube-system"},
		})
		if err != nil {
			return err
		}
		return s.publishBundle(ctx)
	})
}

func (s *Server) clusterDNS() string {
	if dns := s.cfg.Text("cluster-dns"); dns != "" {
		return dns
	}
	dns, _ := nthAddress(s.cfg.Text("service-cidr"), 10) // checked at start
	return dns
}

const rbacGroup = "rbac.authorization.k8s.io"

// joinObjects are the rights of join credentials and of nodes.
func joinObjects() map[string]object {
	out := map[string]object{}
	bind := func(name, role string, groups ...string) {
		var subjects []object
		for _, group := range groups {
			subjects = append(subjects, object{"kind": "Group", "name": group, "apiGroup": rbacGroup})
		}
		out["/apis/"+rbacGroup+"/v1/clusterrolebindings/"+name] = object{
			"apiVersion": rbacGroup + "/v1", "kind": "ClusterRoleBinding", "metadata": object{"name": name},
			"roleRef": object{"apiGroup": rbacGroup, "kind": "ClusterRole", "name": role}, "subjects": subjects,
		}
	}
	// A node's client certificate is approved by the controller manager if its
	// requester has this right; kube-proxy and the routes use the same credential.
	bind("k3s-standin-bootstrap", "system:node-bootstrapper", "k3s:nodes")
	bind("k3s-standin-approve-client", "system:certificates.k8s.io:certificatesigningrequests:nodeclient", "k3s:nodes")
	bind("k3s-standin-node-proxier", "system:node-proxier", "system:nodes")
	bind("k3s-standin-server-join", "k3s-standin-server-join", "k3s:servers")
	bind("k3s-standin-cluster", "k3s-standin-cluster", "k3s:nodes", "k3s:servers")
	role := func(name string, rules ...object) {
		out["/apis/"+rbacGroup+"/v1/clusterroles/"+name] = object{
			"apiVersion": rbacGroup + "/v1", "kind": "ClusterRole", "metadata": object{"name": name}, "rules": rules,
		}
	}
	get := func(resource, name string) object {
		return object{"apiGroups": []string{""}, "resources": []string{resource}, "resourceNames": []string{name}, "verbs": []string{"get"}}
	}
	role("k3s-standin-cluster", get("configmaps", "k3s-standin-cluster"))
	role("k3s-standin-server-join", get("secrets", "k3s-standin-bootstrap"),
		object{"apiGroups": []string{""}, "resources": []string{"nodes"}, "verbs": []string{"list"}})
	return out
}
