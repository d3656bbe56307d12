// Package conformance plays what each known client of the vendor's cloud asks of
// a server, request by request, and checks every field that client reads.
//
// It knows the clients and nothing of the server: what is written here comes from
// the clients' sources and from captures, never from a server's code. So it can be
// pointed at any server of the API.
//
// The run changes little and puts it back: a preset and a spool are made and
// deleted, a printer that does not exist is bound and given up, names are set to
// what they were. Uploaded files stay, since the API has no way to remove one;
// their names begin with "conformance-". Nothing is printed unless Config.Print
// says so.
package conformance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// Config says which server is tested, and as whom.
type Config struct {
	URL      string // base URL, without a path
	Account  string
	Password grove.Secret
	Code     Code          // reads the codes that the account is sent; nil: they can't be read
	TOTP     grove.Secret  // base32 secret of the account's authenticator, if it has one
	MQTT     string        // host:port of MQTT over TLS; empty: MQTT is not tried
	CA       []byte        // PEM to trust beside the system's
	PIN      grove.Secret  // that gives a printer to the account, once; empty: no printer shows one
	Printer  string        // serial; empty: the first that is online, or the first
	Print    bool          // also start prints, on an idle printer, and stop them
	Only     []string      // clients by their short names; empty: all
	Patience time.Duration // how long an answer may take; 15 s

	file []byte // what is uploaded; nil: a small print for the printer
}

// Code gives the newest one-time code that the account was sent by e-mail.
type Code func(ctx context.Context) (string, error)

// Client is a program that was written for the vendor's cloud.
type Client struct {
	Name string `json:"name"` // short, as in the tables
	Full string `json:"full"`
	play func(*player)
}

// Clients are all that are played, those first that can sign in with a second
// factor: the others may borrow their token.
func Clients() []Client {
	return []Client{
		{"FAB", "fabprint", fabprint},
		{"COE", "bambu-lab-cloud-api (Python)", bambuLabCloudAPI},
		{"HA", "ha-bambulab (Home Assistant)", homeAssistant},
		{"BBD", "bambuddy", bambuddy},
		{"OBN", "BambuStudio and OrcaSlicer with the open network plugin", openNetwork},
		{"TGO", "bambulabs_cloud_api (Go)", goCloudAPI},
		{"OE", "OctoEverywhere", octoEverywhere},
		{"OH", "openHAB", openHAB},
		{"BSY", "bambu-sync", bambuSync},
		{"MCP", "bambu-mcp", bambuMCP},
		{"NET", "Bambu.NET", bambuNET},
		{"TFY", "bambu-farm", bambuFarm},
		{"SPEC", "the examples of the Cloud API's documentation", documentation},
	}
}

// Run plays all clients one after the other. The error tells why nothing could be
// played; what does not hold is in the report.
func Run(ctx context.Context, c Config) (Report, error) {
	s, err := newSuite(ctx, c)
	if err != nil {
		return Report{}, err
	}
	defer s.http.CloseIdleConnections()
	for _, cl := range Clients() {
		if len(c.Only) > 0 && !slices.Contains(c.Only, cl.Name) {
			continue
		}
		s.report.Clients = append(s.report.Clients, cl)
		p := &player{suite: s, client: cl.Name}
		cl.play(p)
		p.signOut()
		if ctx.Err() != nil {
			return s.report, ctx.Err()
		}
	}
	return s.report, nil
}

// suite is one run: what is known of the server so far, and what was found.
type suite struct {
	ctx    context.Context //nolint:containedctx // a run is one call, and every step of it belongs to that call
	cfg    Config
	http   *http.Client
	tls    *tls.Config
	report Report

	token   string // of the first client that signed in; not ended before the run is over
	uid     string
	printer device
	looked  bool   // printer has been asked for
	content []byte // of all files that are uploaded
	stuck   bool   // a print was ordered and never began
	code    string // the newest one-time code used: none is taken twice
}

// device is the printer that steps are about.
type device struct {
	serial, name, model, accessCode string
}

func newSuite(ctx context.Context, c Config) (*suite, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, grove.Errorf(grove.Invalid, "bad_url", "%q is not the base URL of a server; give one like https://cloud.example.org", c.URL)
	}
	if c.Account == "" || c.Password == "" {
		return nil, grove.Errorf(grove.Invalid, "no_account", "clients sign in, so an account and its password are needed")
	}
	for _, name := range c.Only {
		if !slices.ContainsFunc(Clients(), func(cl Client) bool { return cl.Name == name }) {
			return nil, grove.Errorf(grove.Invalid, "no_such_client", "there is no client %q; there are %s", name, names())
		}
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	if c.Patience <= 0 {
		c.Patience = 15 * time.Second
	}
	trust, err := trusted(c.CA)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true}
	s := &suite{ctx: ctx, cfg: c, content: c.file, tls: trust, http: &http.Client{
		Transport: transport, Timeout: c.Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	s.report.Server = c.URL
	return s, s.reachable()
}

func names() string {
	var all []string
	for _, c := range Clients() {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}

func trusted(pem []byte) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(pem) == 0 {
		return c, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, grove.Errorf(grove.Invalid, "bad_ca", "the CA file holds no certificate in PEM form")
	}
	c.RootCAs = pool
	return c, nil
}

// reachable tells a server that is not there from one that does not conform.
func (s *suite) reachable() error {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.cfg.URL+"/", nil)
	if err != nil {
		return err
	}
	res, err := s.http.Do(req)
	if err == nil {
		return res.Body.Close()
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &grove.Error{
		Code: grove.Unavailable, Reason: "not_reachable", Err: err,
		Message: s.cfg.URL + " does not answer; is the server running, and is its CA given?",
	}
}
