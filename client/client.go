// Package client is the Go SDK of the Cloud API: for Grove, and for every other
// server that speaks it. All calls take a context and return typed errors, see
// [Error].
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// Config says which cloud, and as whom. Give either an environment's name
// (global, china, dev, qa, pre, pre-us) or a base URL.
type Config struct {
	Environment string
	URL         string       // http:// or https://, without /v1
	Token       grove.Secret // access token; empty before Login
	MQTT        string       // host:port of the broker; empty: the environment's, or port 8883 of URL's host
	CA          []byte       // PEM certificates to trust beside the system's
	UserAgent   string
	// Linked is told why the link of a Watch broke, and nil when it is back.
	Linked func(error)
}

// Client talks to one cloud. It is safe for concurrent use once it is logged in.
type Client struct {
	base   *url.URL
	mqtt   string
	noMQTT error
	http   *http.Client
	tls    *tls.Config
	agent  string
	token  grove.Secret
	linked func(error)
	uid    atomic.Int64 // of the token's account; 0 not asked yet
}

// New makes a client. It connects to nothing.
func New(c Config) (*Client, error) {
	out := &Client{token: c.Token, agent: c.UserAgent, mqtt: c.MQTT, linked: c.Linked}
	if out.linked == nil {
		out.linked = func(error) {}
	}
	if out.agent == "" {
		out.agent = "grove-client"
	}
	if err := out.place(c); err != nil {
		return nil, err
	}
	out.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if len(c.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(c.CA) {
			return nil, grove.Errorf(grove.Invalid, "bad_ca", "the CA file holds no PEM certificate")
		}
		out.tls.RootCAs = pool
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the standard transport was replaced")
	}
	transport = transport.Clone()
	transport.TLSClientConfig = out.tls.Clone()
	out.http = &http.Client{Transport: transport, CheckRedirect: redirect}
	return out, nil
}

// place finds the base URL and the broker.
func (c *Client) place(cfg Config) error {
	raw := cfg.URL
	if raw == "" {
		env, err := cloudapi.LookupEnvironment(orGlobal(cfg.Environment))
		if err != nil {
			return err
		}
		raw = env.API
		if c.mqtt == "" {
			c.mqtt, c.noMQTT = env.Broker()
		}
	}
	base, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(raw, "/"), "/v1"))
	if err != nil || base.Hostname() == "" || (base.Scheme != "http" && base.Scheme != "https") || base.RawQuery != "" || base.Fragment != "" {
		return &Error{Name: ErrInvalidURL, Err: grove.Errorf(grove.Invalid, "bad_url", "%q is not a base URL; give one like https://grove.example.org", raw)}
	}
	c.base = base
	if c.mqtt == "" && c.noMQTT == nil {
		c.mqtt = net.JoinHostPort(base.Hostname(), "8883")
	}
	if host, _, err := net.SplitHostPort(c.mqtt); c.noMQTT == nil && (err != nil || host == "") {
		return &Error{Name: ErrInvalidURL, Err: grove.Errorf(grove.Invalid, "bad_broker", "%q is not a broker; give host and port, like grove.example.org:8883", c.mqtt)}
	}
	return nil
}

func orGlobal(name string) string {
	if name == "" {
		return "global"
	}
	return name
}

// URL is the base URL in use.
func (c *Client) URL() string { return c.base.String() }

// Token is the access token in use.
func (c *Client) Token() grove.Secret { return c.token }

// Broker is the MQTT broker in use as host:port, or an error where none is known.
func (c *Client) Broker() (string, error) { return c.mqtt, c.noMQTT }

// call sends in as JSON and reads the answer into out; nil means none.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	req, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	body, err := c.do(req)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return badResponse(req, http.StatusOK, fmt.Errorf("decode answer: %w", err))
	}
	return nil
}
