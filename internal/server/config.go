// Package server puts the rooms together and runs them: it is the only place
// that knows all of them.
package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/bridge"
)

// Config is what a server is made of. Addresses are host:port; port 0 takes a
// free one.
type Config struct {
	Data          string // directory for everything that is kept
	HTTP          string
	MQTTS         string
	PublicURL     string   // how clients reach HTTP; empty: the listening address
	TLS           bool     // serve HTTPS; follows from CertFile and from ACME
	CertFile      string   // certificate of the operator's own, for HTTPS and MQTT
	KeyFile       string   // and its key
	Names         []string // more names for certificates of the built-in CA: hosts and addresses
	VendorNames   bool     // and those of the vendor's cloud
	ACME          []string // hosts to get certificates for from an ACME CA
	ACMEDirectory string   // its URL; empty: Let's Encrypt
	Database      string   // postgres://…; empty: SQLite in Data
	Limits        string   // named preset or classes
	Demo          bool

	Proxies      []string // networks whose word about a client's address is taken
	LANNetworks  []string // more networks than private ones in which printers may be
	LANAuthority string   // PEM file of authorities that vouch for printers; empty: their keys are pinned alone
	AccessCodes  string   // off, private or any: from where bblp + access code may come
	HookPrivate  bool     // webhooks may reach private addresses
	HookLoopback bool     // webhooks may reach this machine
	SMTP         string   // smtp://user:password@host of the mail server; empty: letters go to the log
	MailFrom     string   // the sender of letters
	MinFree      int64    // bytes that must stay free on the disk of uploads; 0: the disk may get full
	Quota        int64    // bytes that the stored files of one user may have; 0: any
	OfflineGrace time.Duration
	IdleHeat     time.Duration // 15 min when 0

	KeepDays      int // events, notifications and settled deliveries; 0: for ever, else at least 7
	KeepAuditDays int // the audit log; 0: for ever, else at least 400

	// Reload asks for a look at the certificates now; nil: each minute is enough.
	Reload <-chan os.Signal

	acmeClient *http.Client // trusts the CA of tests

	tokenLife time.Duration // of access tokens; 90 days but in tests
	// silence of printers before they are asked, and how their networks are dealt
	// with; zero but in tests.
	silence time.Duration
	lan     bridge.Config

	Version string // of this program, for the API's description
	Program string // how to call this program, for what the page shows
	Log     *slog.Logger
}

// check refuses what would be unsafe, in words.
func (c *Config) check() error {
	if c.IdleHeat != 0 && (c.IdleHeat < time.Minute || c.IdleHeat > time.Hour) {
		return grove.Errorf(grove.Invalid, "bad_idle_heat", "--idle-heat %s is not between 1m and 60m", c.IdleHeat)
	}
	if err := c.checkKeep(); err != nil {
		return err
	}
	for _, a := range []struct{ flag, address string }{{"--http", c.HTTP}, {"--mqtts", c.MQTTS}} {
		_, port, err := net.SplitHostPort(a.address)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return grove.Errorf(grove.Invalid, "bad_address", "%s %q is not an address; write host:port, such as 127.0.0.1:8080", a.flag, a.address)
		}
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if _, err := proxies(c.Proxies); err != nil {
		return err
	}
	if _, err := networks("--lan-networks", c.LANNetworks, "would let the server be sent anywhere; name the printers' networks alone"); err != nil {
		return err
	}
	if c.Demo {
		return c.checkDemo()
	}
	if loopback(c.HTTP) || c.TLS || strings.HasPrefix(c.PublicURL, "https://") {
		return c.checkPublicURL()
	}
	return grove.Errorf(grove.Invalid, "http_open",
		"%s is reachable from other machines and would carry passwords in clear; add --tls, or --public-url https://… when a proxy in front does TLS, or listen on 127.0.0.1", c.HTTP)
}

// checkKeep refuses to forget what somebody may still have to do with: webhooks are
// tried for three days, and what was done is looked into much later.
func (c *Config) checkKeep() error {
	for _, k := range []struct {
		flag        string
		days, least int
	}{{"--keep-days", c.KeepDays, 7}, {"--keep-audit-days", c.KeepAuditDays, 400}} {
		if k.days != 0 && (k.days < k.least || k.days > 36500) {
			return grove.Errorf(grove.Invalid, "bad_keep", "%s %d is not between %d and 36500; 0 keeps for ever", k.flag, k.days, k.least)
		}
	}
	return nil
}

// checkTLS takes HTTPS for granted where a certificate is given.
func (c *Config) checkTLS() error {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return grove.Errorf(grove.Invalid, "bad_certificate", "a certificate and its key go together: give --tls-cert and --tls-key, or neither")
	}
	if c.CertFile != "" && len(c.ACME) > 0 {
		return grove.Errorf(grove.Invalid, "bad_acme", "--acme orders a certificate and --tls-cert brings one; give only one of them")
	}
	for i, name := range c.Names {
		c.Names[i] = strings.ToLower(strings.TrimSpace(name))
		if net.ParseIP(c.Names[i]) == nil && !sanName.MatchString(c.Names[i]) {
			return grove.Errorf(grove.Invalid, "bad_name",
				"--tls-names %q is no name for a certificate; write hosts and addresses without a port, with commas between them", name)
		}
	}
	c.TLS = c.TLS || c.CertFile != "" || len(c.ACME) > 0
	return c.checkACME()
}

// sanName is what clients compare: no port, a star only for the first part.
var sanName = regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)

func (c *Config) checkACME() error {
	if c.ACMEDirectory == "" {
		c.ACMEDirectory = acme.LetsEncryptURL
	}
	if u, err := url.Parse(c.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		return grove.Errorf(grove.Invalid, "bad_acme", "--acme-directory %q is not a URL like %s", c.ACMEDirectory, acme.LetsEncryptURL)
	}
	for i, host := range c.ACME {
		if c.ACME[i] = strings.ToLower(host); !hostName.MatchString(c.ACME[i]) {
			return grove.Errorf(grove.Invalid, "bad_acme",
				"--acme %q is not a name that a CA can prove; write names such as grove.example.org, with commas between them (no address, no port, no *, and other letters than a to z as xn--…)", host)
		}
	}
	return nil
}

func (c *Config) checkDemo() error {
	if !loopback(c.HTTP) || !loopback(c.MQTTS) || c.PublicURL != "" || len(c.ACME) > 0 {
		return grove.Errorf(grove.Invalid, "demo_open",
			"--demo has a known password, so it only listens on this machine: use 127.0.0.1 addresses, no --public-url and no --acme, or leave out --demo")
	}
	c.HookLoopback = true
	return nil
}

// proxies reads addresses and networks of proxies.
func proxies(texts []string) ([]netip.Prefix, error) {
	return networks("--trusted-proxies", texts, "would let everybody claim any address; name the proxies alone")
}

// networks reads addresses and networks of a flag. All addresses are not one: tooWide
// says why.
func networks(flag string, texts []string, tooWide string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		text = strings.TrimSpace(text)
		n, err := netip.ParsePrefix(text)
		if a, single := netip.ParseAddr(text); single == nil {
			n, err = a.Unmap().Prefix(a.Unmap().BitLen())
		}
		switch {
		case err != nil:
			return nil, grove.Errorf(grove.Invalid, "bad_networks",
				"%s %q is neither an address nor a network; write for example 127.0.0.1 or 10.0.0.0/8, with commas between them", flag, text)
		case n.Bits() == 0:
			return nil, grove.Errorf(grove.Invalid, "bad_networks", "%s %s %s", flag, text, tooWide)
		}
		all = append(all, n.Masked())
	}
	return all, nil
}

func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return grove.Errorf(grove.Invalid, "bad_public_url", "--public-url %q is not a URL like https://grove.example.org", c.PublicURL)
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	return nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
