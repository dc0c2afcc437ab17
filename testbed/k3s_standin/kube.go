package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Client talks to one API server (or etcd gateway) in JSON.
type Client struct {
	base   string
	bearer string
	http   *http.Client
}

// object is any JSON object.
type object = map[string]any

// statusError is an answer other than 2xx.
type statusError struct {
	Code    int
	Message string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.Code, e.Message) }

func isStatus(err error, code int) bool {
	var s *statusError
	return errors.As(err, &s) && s.Code == code
}

// newClient makes a client that trusts the authorities in caPEM; certificate
// and key files, and a bearer token, are optional.
func newClient(base string, caPEM []byte, certFile, keyFile, bearer string) (*Client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(caPEM) {
		return nil, errors.New("no authority to trust")
	}
	conf := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if certFile != "" {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second,
		IdleConnTimeout: 30 * time.Second}
	return &Client{base: base, bearer: bearer, http: &http.Client{Transport: transport}}, nil
}

func newClientFrom(base, caFile, certBase string) (*Client, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	return newClient(base, ca, certBase+".crt", certBase+".key", "")
}

func (c *Client) request(ctx context.Context, method, path, contentType string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return nil, err
	}
	if c.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", "application/json")
	return c.http.Do(req)
}

// do sends one request and decodes the answer into out unless that is nil.
func (c *Client) do(ctx context.Context, method, path, contentType string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := c.request(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		var status struct{ Message string }
		if json.Unmarshal(raw, &status) != nil || status.Message == "" {
			status.Message = string(bytes.TrimSpace(raw))
		}
		return &statusError{Code: resp.StatusCode, Message: status.Message}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

func (c *Client) get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

func (c *Client) post(ctx context.Context, path string, body, out any) error {
	return c.do(ctx, http.MethodPost, path, "application/json", body, out)
}

func (c *Client) merge(ctx context.Context, path string, body any) error {
	return c.do(ctx, http.MethodPatch, path, "application/merge-patch+json", body, nil)
}

// apply creates an object or brings it to the given fields (server-side apply).
func (c *Client) apply(ctx context.Context, path string, body any) error {
	return c.do(ctx, http.MethodPatch, path+"?fieldManager=k3s-standin&force=true", "application/apply-patch+yaml", body, nil)
}

// ready tells whether the API server serves.
func (c *Client) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	resp, err := c.request(ctx, http.MethodGet, "/readyz", "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return &statusError{Code: resp.StatusCode, Message: "/readyz"}
	}
	return nil
}

// Node is the part of a Node object that the stand-in reads.
type Node struct {
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Spec   struct{ PodCIDR string }
	Status struct {
		Addresses []struct{ Type, Address string }
	}
}

// Address returns the node's internal address, or "".
func (n *Node) Address() string {
	for _, a := range n.Status.Addresses {
		if a.Type == "InternalIP" {
			return a.Address
		}
	}
	return ""
}

func (c *Client) nodes(ctx context.Context) ([]Node, error) {
	var out struct{ Items []Node }
	// resourceVersion=0 is answered from the API server's cache.
	err := c.get(ctx, "/api/v1/nodes?resourceVersion=0", &out)
	return out.Items, err
}

func (c *Client) node(ctx context.Context, name string) (*Node, error) {
	var out Node
	err := c.get(ctx, "/api/v1/nodes/"+name, &out)
	return &out, err
}
