package main

// kind is how an option's value is read.
type kind int

const (
	text  kind = iota // the last value counts
	truth             // true or false, true when given without a value
	list              // every value counts
	words             // like list, and each value may hold several, separated by commas
)

// scope says which command knows an option.
type scope int

const (
	both scope = iota
	serverOnly
	agentOnly
)

// option is one documented option of `k3s server` or `k3s agent`.
type option struct {
	name, short, env, def string
	kind                  kind
	scope                 scope
	// absent is set where the option is accepted without effect: it says what
	// the stand-in lacks, and is logged when the option is used.
	absent string
}

// options is the part of K3s's interface that the stand-in answers. An option
// that is not here is refused by name; K3s would know more of them.
// Source: https://docs.k3s.io/cli/server and https://docs.k3s.io/cli/agent
var options = []option{
	{name: "config", short: "c", env: "K3S_CONFIG_FILE", def: "/etc/rancher/k3s/config.yaml"},
	{name: "debug", env: "K3S_DEBUG", kind: truth},
	{name: "v", short: "v", def: "0"},
	{name: "vmodule", absent: "per-module log levels"},
	{name: "log", short: "l"},
	{name: "alsologtostderr", kind: truth},
	{name: "data-dir", short: "d", env: "K3S_DATA_DIR", def: "/var/lib/rancher/k3s"},

	{name: "token", short: "t", env: "K3S_TOKEN"},
	{name: "token-file", env: "K3S_TOKEN_FILE"},
	{name: "agent-token", env: "K3S_AGENT_TOKEN", scope: serverOnly},
	{name: "agent-token-file", env: "K3S_AGENT_TOKEN_FILE", scope: serverOnly},
	{name: "server", short: "s", env: "K3S_URL"},
	{name: "cluster-init", env: "K3S_CLUSTER_INIT", kind: truth, scope: serverOnly},
	{name: "cluster-reset", env: "K3S_CLUSTER_RESET", kind: truth, scope: serverOnly},
	{name: "cluster-reset-restore-path", scope: serverOnly},

	{name: "bind-address", scope: serverOnly, def: "0.0.0.0"},
	{name: "https-listen-port", scope: serverOnly, def: "6443"},
	{name: "advertise-address", scope: serverOnly},
	{name: "advertise-port", scope: serverOnly, absent: "an advertised port other than https-listen-port"},
	{name: "tls-san", kind: words, scope: serverOnly},
	{name: "tls-san-security", kind: truth, scope: serverOnly, absent: "adding names to the serving certificate by request (it holds tls-san only)"},
	{name: "cluster-cidr", scope: serverOnly, def: "10.42.0.0/16"},
	{name: "service-cidr", scope: serverOnly, def: "10.43.0.0/16"},
	{name: "service-node-port-range", scope: serverOnly, def: "30000-32767"},
	{name: "cluster-dns", scope: serverOnly},
	{name: "cluster-domain", scope: serverOnly, def: "cluster.local"},
	{name: "flannel-backend", scope: serverOnly, def: "vxlan"},

	{name: "write-kubeconfig", short: "o", env: "K3S_KUBECONFIG_OUTPUT", scope: serverOnly, def: "/etc/rancher/k3s/k3s.yaml"},
	{name: "write-kubeconfig-mode", env: "K3S_KUBECONFIG_MODE", scope: serverOnly, def: "0600"},
	{name: "write-kubeconfig-group", env: "K3S_KUBECONFIG_GROUP", scope: serverOnly},
	{name: "secrets-encryption", kind: truth, scope: serverOnly},
	{name: "secrets-encryption-provider", scope: serverOnly, def: "aescbc"},

	{name: "kube-apiserver-arg", kind: list, scope: serverOnly},
	{name: "kube-controller-manager-arg", kind: list, scope: serverOnly},
	{name: "kube-scheduler-arg", kind: list, scope: serverOnly},
	{name: "kube-cloud-controller-manager-arg", kind: list, scope: serverOnly, absent: "a cloud controller"},
	{name: "etcd-arg", kind: list, scope: serverOnly},
	{name: "etcd-expose-metrics", kind: truth, scope: serverOnly},
	{name: "etcd-disable-snapshots", kind: truth, scope: serverOnly},
	{name: "etcd-snapshot-name", scope: serverOnly, def: "etcd-snapshot"},
	{name: "etcd-snapshot-schedule-cron", scope: serverOnly, def: "0 */12 * * *"},
	{name: "etcd-snapshot-retention", scope: serverOnly, def: "5"},
	{name: "etcd-snapshot-dir", scope: serverOnly},
	{name: "etcd-snapshot-compress", kind: truth, scope: serverOnly, absent: "compressed snapshots"},

	{name: "disable", kind: words, scope: serverOnly},
	{name: "disable-agent", kind: truth, scope: serverOnly},
	{name: "disable-kube-proxy", kind: truth, scope: serverOnly},
	{name: "disable-cloud-controller", kind: truth, scope: serverOnly},
	{name: "disable-network-policy", kind: truth, scope: serverOnly},
	{name: "disable-helm-controller", kind: truth, scope: serverOnly},
	{name: "egress-selector-mode", scope: serverOnly, absent: "the egress tunnel (the API server dials kubelets itself)"},

	{name: "node-name", env: "K3S_NODE_NAME"},
	{name: "node-label", kind: list},
	{name: "node-taint", kind: list},
	{name: "node-ip", short: "i", kind: words},
	{name: "node-external-ip", kind: words, absent: "external addresses"},
	{name: "flannel-iface"},
	{name: "resolv-conf", env: "K3S_RESOLV_CONF"},
	{name: "kubelet-arg", kind: list},
	{name: "kube-proxy-arg", kind: list},
	{name: "protect-kernel-defaults", kind: truth},
	{name: "private-registry", def: "/etc/rancher/k3s/registries.yaml"},
	{name: "disable-default-registry-endpoint", kind: truth},
	{name: "pause-image"},
	{name: "snapshotter", env: "K3S_SNAPSHOTTER", def: "overlayfs"},
	{name: "lb-server-port", env: "K3S_LB_SERVER_PORT", def: "6444"},
	{name: "prefer-bundled-bin", kind: truth, absent: "bundled network tools (it uses the host's)"},
	{name: "selinux", env: "K3S_SELINUX", kind: truth, absent: "SELinux support"},
}

// packaged are the names that `disable` accepts. Only coredns is part of the
// stand-in; the others are accepted because a real K3s has them.
// Source: https://docs.k3s.io/installation/packaged-components
var packaged = []string{"coredns", "servicelb", "traefik", "local-storage", "metrics-server", "runtimes"}
