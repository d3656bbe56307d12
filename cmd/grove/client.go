package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/server"
)

// cloud says which cloud a client command talks to. Its flags stand before the
// command or behind it. What login kept is the
// default; env and url override it.
type cloud struct {
	URL  string `name:"url" help:"Base URL of the cloud." placeholder:"URL"`
	Env  string `name:"env" help:"Environment of the vendor's cloud: global, china, dev, qa, pre or pre-us." placeholder:"NAME"`
	MQTT string `name:"mqtt" help:"MQTT broker, when it is not port 8883 of the URL's host." placeholder:"HOST:PORT"`
	CA   string `name:"ca" help:"PEM file of a CA to trust." placeholder:"FILE"`
	JSON bool   `name:"json" help:"Print JSON."`
	Keep string `name:"token-file" help:"Where login keeps the token." placeholder:"FILE"`

	linked func(error) // is told of a watch's link
}

// kept is the token file: readable by its owner alone.
type kept struct {
	URL   string `json:"url,omitempty"`
	Env   string `json:"env,omitempty"`
	MQTT  string `json:"mqtt,omitempty"`
	CA    string `json:"ca,omitempty"`
	Email string `json:"email"`
	Token string `json:"token"`
}

func (c *cloud) file() (string, error) {
	if c.Keep != "" {
		return c.Keep, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the token: %w; give --token-file", err)
	}
	return filepath.Join(dir, "grove", "token.json"), nil
}

func (c *cloud) read() (kept, error) {
	var k kept
	name, err := c.file()
	if err != nil {
		return k, err
	}
	raw, err := os.ReadFile(name) //nolint:gosec // the user names their own file
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, fmt.Errorf("read the token file: %w", err)
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		return k, grove.Errorf(grove.Invalid, "bad_token_file", "%s is damaged; log in again", name)
	}
	return k, nil
}

func (c *cloud) write(k kept) error {
	name, err := c.file()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("keep the token: %w", err)
	}
	raw, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return writeWhole(name, raw)
}

// writeWhole writes a file that its owner alone may read, whole or not at all.
func writeWhole(name string, content []byte) error {
	half, err := os.CreateTemp(filepath.Dir(name), ".grove-*")
	if err != nil {
		return unwritten(name, err)
	}
	defer os.Remove(half.Name())
	_, err = half.Write(content)
	if err := errors.Join(err, half.Close()); err != nil {
		return unwritten(name, err)
	}
	if err := os.Rename(half.Name(), name); err != nil {
		return unwritten(name, err)
	}
	return nil
}

// unwritten names the file that was meant and not the one on the way to it.
func unwritten(name string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("write %s: %w", name, err)
}

// place is where to go: the flags, or else what login kept. A token goes only to
// the cloud that gave it.
func (c *cloud) place() (kept, error) {
	k, err := c.read()
	if err != nil {
		return k, err
	}
	if c.URL != "" && c.Env != "" {
		return k, grove.Errorf(grove.Invalid, "two_clouds", "there is a --url (%s) and an --env (%s); give one of them, and look at GROVE_URL and GROVE_ENV too", c.URL, c.Env)
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	if (c.URL != "" && c.URL != k.URL) || (c.Env != "" && c.Env != k.Env) {
		k = kept{}
	}
	for _, f := range []struct{ flag, keep *string }{{&c.URL, &k.URL}, {&c.Env, &k.Env}, {&c.MQTT, &k.MQTT}, {&c.CA, &k.CA}} {
		if *f.flag != "" {
			*f.keep = *f.flag
		}
	}
	if k.URL == "" && k.Env == "" {
		k.URL = "http://127.0.0.1:8080"
	}
	return k, nil
}

// flags are those that lead to this place.
func (k kept) flags() string {
	var out []string
	for _, f := range []struct{ name, value string }{{"--url", k.URL}, {"--env", k.Env}, {"--mqtt", k.MQTT}, {"--ca", k.CA}} {
		if f.value != "" {
			out = append(out, f.name+" "+server.Quote(f.value))
		}
	}
	return strings.Join(out, " ")
}

// open makes a client, without a token if there is none yet.
func (c *cloud) open() (*client.Client, kept, error) {
	k, err := c.place()
	if err != nil {
		return nil, k, err
	}
	cfg := client.Config{URL: k.URL, Environment: k.Env, MQTT: k.MQTT, Token: grove.Secret(k.Token), UserAgent: "grove/" + version(), Linked: c.linked}
	if cfg.CA, err = k.authority(); err != nil {
		return nil, k, err
	}
	cl, err := client.New(cfg)
	return cl, k, err
}

// authority is the PEM of the CA to trust, if one was given.
func (k kept) authority() ([]byte, error) {
	if k.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(k.CA)
	if err != nil {
		return nil, &grove.Error{
			Code: grove.Invalid, Reason: "bad_ca", Err: err,
			Message: fmt.Sprintf("the CA file %s can't be read; give the right --ca, or log in again", k.CA),
		}
	}
	return pem, nil
}

// trust is the system's CAs and the one given.
func (c *cloud) trust() (*tls.Config, error) {
	k, err := c.place()
	if err != nil {
		return nil, err
	}
	pem, err := k.authority()
	if err != nil {
		return nil, err
	}
	return trusting(pem), nil
}

// trusting is the system's CAs and that of pem, if there is one.
func trusting(pem []byte) *tls.Config {
	if pem == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}

// signedIn makes a client with a token.
func (c *cloud) signedIn() (*client.Client, error) {
	cl, k, err := c.open()
	if err != nil {
		return nil, err
	}
	if k.Token != "" {
		return cl, nil
	}
	return nil, grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential,
		"not signed in to %s; run: grove login %s YOUR-EMAIL", cl.URL(), k.flags())
}

// advise says how to sign in when a token that was kept is not taken any more, and
// how to trust.
func (c *cloud) advise(err error) error {
	if untrusted(err) {
		return advise(err, "The certificate is not trusted: %s.", addCA)
	}
	if grove.HasReason(err, grove.ReasonUnconfirmed) {
		return advise(err, "Run: grove account confirm")
	}
	k, unread := c.place()
	if unread != nil || k.Token == "" || !errors.Is(err, grove.Unauthenticated) {
		return err
	}
	return advise(err, "Sign in with: grove login %s %s", k.flags(), k.Email)
}

// show prints v as JSON if asked to, else as a table made by rows.
func (c *cloud) show(v any, rows func(*tabwriter.Writer)) error {
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(v)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	rows(w)
	return w.Flush()
}

// showList shows one page, and on a table how to see the rest, or what to do
// when there is nothing.
func showList[T any](c *cloud, p paged, list grove.List[T], none string, rows func(*tabwriter.Writer)) error {
	if len(list.Items) == 0 && !c.JSON {
		fmt.Println(none)
		return nil
	}
	if err := c.show(cloudapi.Items(list.Items), rows); err != nil || c.JSON || !list.More {
		return err
	}
	next := fmt.Sprintf("--page %d", p.Page+1)
	if p.After != "" {
		next = "--after and the last id"
	}
	fmt.Fprintf(os.Stderr, "%d of %d; go on with %s, or ask for more with --limit (100 at most).\n", len(list.Items), list.Total, next)
	return nil
}

// paged are the flags of every list.
type paged struct {
	Page  int    `help:"Page, from 1." default:"1"`
	Limit int    `help:"Entries a page, 1 to 100." default:"20"`
	After string `help:"Go on after this id." placeholder:"ID"`
}

func (p paged) page() grove.Page { return grove.Page{Page: p.Page, Limit: p.Limit, After: p.After} }
