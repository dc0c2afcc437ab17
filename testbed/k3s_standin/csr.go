package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	csrPath       = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	signerClient  = "kubernetes.io/kube-apiserver-client-kubelet"
	signerServing = "kubernetes.io/kubelet-serving"
)

// requestCertificates gets the node's two certificates through the CSR API,
// unless those on disk still serve. The keys are made here and stay here.
func (a *Agent) requestCertificates(ctx context.Context, client *Client, ca []byte) error {
	clientBase, servingBase := a.path("client-kubelet"), a.path("serving-kubelet")
	leaf := Leaf{Name: "system:node:" + a.node.name, Groups: []string{"system:nodes"}, Usages: clientUse}
	if err := a.requestCertificate(ctx, client, clientBase, signerClient, leaf, []byte(a.cluster["client-ca.crt"])); err != nil {
		return err
	}
	self, err := newClient(client.base, ca, clientBase+".crt", clientBase+".key", "")
	if err != nil {
		return err
	}
	leaf.Hosts, leaf.Usages = []string{a.node.name, a.node.address}, serverUse
	return a.requestCertificate(ctx, self, servingBase, signerServing, leaf, ca)
}

func (a *Agent) requestCertificate(ctx context.Context, client *Client, base, signer string, leaf Leaf, caPEM []byte) error {
	cert, err := parseCert(caPEM)
	if err != nil {
		return err
	}
	authority := &Authority{cert: cert, PEM: caPEM}
	if authority.serves(base, leaf) {
		return nil
	}
	key, err := ensureKey(base + ".key")
	if err != nil {
		return err
	}
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: leaf.Name, Organization: leaf.Groups}}
	template.DNSNames, template.IPAddresses = splitHosts(leaf.Hosts)
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		return err
	}
	usage := "client auth"
	if signer == signerServing {
		usage = "server auth"
	}
	request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	var made struct{ Metadata struct{ Name string } }
	err = retry(ctx, "the cluster to take a certificate request", time.Second, func() error {
		return client.post(ctx, csrPath, object{
			"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
			"metadata": object{"generateName": "node-csr-"},
			"spec": object{"request": base64.StdEncoding.EncodeToString(request), "signerName": signer,
				"usages": []string{"digital signature", usage}},
		}, &made)
	})
	if err != nil {
		return err
	}
	raw, err := awaitCertificate(ctx, client, made.Metadata.Name)
	if err != nil {
		return err
	}
	return writeFile(base+".crt", append(bytes.TrimSpace(raw), append([]byte("\n"), caPEM...)...), 0o644)
}

func awaitCertificate(ctx context.Context, client *Client, name string) ([]byte, error) {
	var raw []byte
	err := retry(ctx, "certificate "+name, 200*time.Millisecond, func() error {
		var csr struct {
			Status struct {
				Certificate []byte
				Conditions  []struct{ Type, Message string }
			}
		}
		if err := client.get(ctx, csrPath+"/"+name, &csr); err != nil {
			return err
		}
		for _, c := range csr.Status.Conditions {
			if c.Type == "Denied" || c.Type == "Failed" {
				return permanent("certificate request %s: %s: %s", name, c.Type, c.Message)
			}
		}
		if raw = csr.Status.Certificate; len(raw) == 0 {
			return errors.New("not signed yet")
		}
		return nil
	})
	return raw, err
}

// servingRequest is the part of a CSR on which its approval depends.
type servingRequest struct {
	Metadata struct{ Name string }
	Spec     struct {
		Request    []byte
		SignerName string
		Username   string
		Groups     []string
		Usages     []string
	}
	Status struct {
		Certificate []byte
		Conditions  []struct{ Type string }
	}
}

// approveServing approves kubelets' serving certificates: a node gets its own
// name and addresses that no other node has. (The controller manager approves
// client certificates.)
func (s *Server) approveServing(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.watchServing(ctx); err != nil && ctx.Err() == nil {
			logf("watching certificate requests: %v", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (s *Server) watchServing(ctx context.Context) error {
	// Without a resource version the watch begins with every object there is.
	resp, err := s.admin.request(ctx, http.MethodGet, csrPath+"?watch=1&timeoutSeconds=600", "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &statusError{Code: resp.StatusCode, Message: csrPath}
	}
	decoder := json.NewDecoder(resp.Body)
	for {
		var event struct {
			Type   string
			Object json.RawMessage
		}
		if err := decoder.Decode(&event); err != nil {
			return nil // the watch ended; the caller starts the next one
		}
		var csr servingRequest
		if event.Type != "ADDED" || json.Unmarshal(event.Object, &csr) != nil {
			continue
		}
		if csr.Spec.SignerName != signerServing || len(csr.Status.Conditions) > 0 {
			continue
		}
		if err := s.judgeServing(ctx, csr, event.Object); err != nil {
			logf("certificate request %s: %v", csr.Metadata.Name, err)
		}
	}
}

func (s *Server) judgeServing(ctx context.Context, csr servingRequest, raw json.RawMessage) error {
	nodes, err := s.admin.nodes(ctx)
	if err != nil {
		return err
	}
	condition := object{"type": "Approved", "status": "True", "reason": "NodeServing", "message": "own name and addresses"}
	if err := checkServing(csr, nodes); err != nil {
		condition = object{"type": "Denied", "status": "True", "reason": "NodeServing", "message": err.Error()}
	}
	var full object
	if err := json.Unmarshal(raw, &full); err != nil {
		return err
	}
	status, _ := full["status"].(object)
	if status == nil {
		status = object{}
	}
	status["conditions"] = []object{condition}
	full["status"] = status
	path := csrPath + "/" + csr.Metadata.Name + "/approval"
	return s.admin.do(ctx, http.MethodPut, path, "application/json", full, nil)
}

// checkServing says why a serving certificate must not be issued, or nil.
func checkServing(csr servingRequest, nodes []Node) error {
	name, ok := strings.CutPrefix(csr.Spec.Username, "system:node:")
	if !ok || !slices.Contains(csr.Spec.Groups, "system:nodes") {
		return fmt.Errorf("%s is not a node", csr.Spec.Username)
	}
	block, _ := pem.Decode(csr.Spec.Request)
	if block == nil {
		return errors.New("no PEM request")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return err
	}
	if request.Subject.CommonName != csr.Spec.Username || !slices.Equal(request.Subject.Organization, []string{"system:nodes"}) {
		return fmt.Errorf("the request is for %s", request.Subject)
	}
	if !slices.Equal(request.DNSNames, []string{name}) || len(request.EmailAddresses)+len(request.URIs) > 0 {
		return fmt.Errorf("names %v are not the node's own", request.DNSNames)
	}
	for _, usage := range csr.Spec.Usages {
		if !slices.Contains([]string{"digital signature", "key encipherment", "server auth"}, usage) {
			return fmt.Errorf("usage %q is not a server's", usage)
		}
	}
	for _, ip := range request.IPAddresses {
		for _, node := range nodes {
			if node.Metadata.Name != name && node.Address() == ip.String() {
				return fmt.Errorf("address %s is node %s's", ip, node.Metadata.Name)
			}
		}
	}
	return nil
}
