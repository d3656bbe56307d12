package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/server"
)

type serveCmd struct {
	Demo        bool          `help:"Try it out: a known account and three simulated printers, reachable from this machine only."`
	Data        string        `help:"Directory for everything that is kept (default: grove-data, or grove-demo with --demo)." placeholder:"DIR"`
	HTTP        string        `name:"http" help:"Address of the HTTP API." default:"127.0.0.1:8080"`
	MQTTS       string        `name:"mqtts" help:"Address of MQTT over TLS." default:"127.0.0.1:8883"`
	PublicURL   string        `name:"public-url" help:"How clients reach the HTTP API, when a proxy stands in front." placeholder:"URL"`
	TLS         bool          `name:"tls" help:"Serve HTTPS; with a certificate of the built-in CA, unless there is another."`
	TLSCert     string        `name:"tls-cert" help:"Certificate of your own in PEM form, its issuers behind it; HTTPS and MQTT show it for its names, and look for a new one each minute and on SIGHUP." placeholder:"FILE"`
	TLSKey      string        `name:"tls-key" help:"Key of that certificate." placeholder:"FILE"`
	TLSNames    []string      `name:"tls-names" help:"More names for the certificate of the built-in CA: hosts and addresses." placeholder:"NAME"`
	TLSVendor   bool          `name:"tls-vendor-names" help:"Put the vendor's host names into it too, for clients in which they are built in; see docs/clients.md."`
	ACME        []string      `name:"acme" help:"Get certificates for these names from a CA over ACME, whose terms you accept by it; port 443 of each must lead to --http." placeholder:"HOST"`
	ACMEDir     string        `name:"acme-directory" help:"Directory of the ACME CA." default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL"`
	Database    string        `help:"postgres://… instead of SQLite in the data directory." placeholder:"URL"`
	Limits      string        `help:"Rate limits: spec, relaxed, off, or class=N/period,…" default:"spec"`
	Proxies     []string      `name:"trusted-proxies" help:"Proxies in front, as addresses or networks: their X-Forwarded-For and X-Forwarded-Proto are believed, nobody else's." placeholder:"NETWORK"`
	LANNetworks []string      `name:"lan-networks" help:"More networks, beside private ones, in which printers may be that are added by their address." placeholder:"NETWORK"`
	LANCA       string        `name:"lan-ca" help:"PEM file of the authorities that must vouch for such printers; else their keys are only pinned." placeholder:"FILE"`
	LANClear    bool          `name:"lan-clear-files" help:"Let files pass unencrypted to such printers as do not end encrypted transfers, which A1 and A1 mini were seen to do."`
	AccessCodes string        `name:"mqtt-access-codes" help:"From where bblp with an access code may sign in to MQTT: ${enum}." enum:"off,private,any" default:"private"`
	HookPrivate bool          `name:"webhooks-to-private" help:"Let webhooks reach private addresses, such as a home automation server."`
	HookLocal   bool          `name:"webhooks-to-loopback" help:"Let webhooks reach this machine."`
	SMTP        string        `name:"smtp" help:"Mail server for sign-in codes and invitations; better given by GROVE_SMTP." placeholder:"smtp://USER:PASSWORD@HOST:587"`
	MailFrom    string        `name:"mail-from" help:"Sender of the mails." placeholder:"ADDRESS"`
	MinFree     string        `name:"min-free" help:"Disk space that uploads must leave free." default:"1GiB"`
	Quota       string        `help:"How much the files of one account may have together; 0 for any." default:"10GiB"`
	Grace       time.Duration `name:"offline-grace" help:"How long a printer may be away before it counts as offline." default:"20s"`
	IdleHeat    time.Duration `help:"How long a printer that does not print stays hot after somebody asked for it, 1m to 60m." default:"15m"`

	KeepDays      int    `help:"How many days events, notifications and settled webhook deliveries are kept, at least 7; 0 for ever." default:"90" placeholder:"DAYS"`
	KeepAuditDays int    `help:"How many days the audit log is kept, at least 400; 0 for ever." default:"400" placeholder:"DAYS"`
	LogFormat     string `help:"Form of the log: ${enum}." enum:"text,json" default:"text"`
	LogLevel      string `help:"How much is logged: ${enum}." enum:"debug,info,warn,error" default:"info"`
	ReadyFile     string `help:"Write the addresses as JSON here once the server takes requests." placeholder:"FILE"`
}

// Run serves until it is interrupted.
func (c *serveCmd) Run(ctx context.Context) error {
	free, err := parseSize(c.MinFree)
	if err != nil {
		return err
	}
	quota, err := parseSize(c.Quota)
	if err != nil {
		return err
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	s, err := server.New(ctx, server.Config{
		Data: c.data(), HTTP: c.HTTP, MQTTS: c.MQTTS, PublicURL: c.PublicURL, Database: c.Database,
		TLS: c.TLS, CertFile: c.TLSCert, KeyFile: c.TLSKey, Names: c.TLSNames, VendorNames: c.TLSVendor,
		ACME: c.ACME, ACMEDirectory: c.ACMEDir, Reload: reload,
		Limits: c.Limits, Demo: c.Demo, Proxies: c.Proxies,
		LANNetworks: c.LANNetworks, LANAuthority: c.LANCA, LANClear: c.LANClear, AccessCodes: c.AccessCodes, HookPrivate: c.HookPrivate, HookLoopback: c.HookLocal,
		SMTP: c.SMTP, MailFrom: c.MailFrom, MinFree: free, Quota: quota, OfflineGrace: c.Grace, IdleHeat: c.IdleHeat,
		KeepDays: c.KeepDays, KeepAuditDays: c.KeepAuditDays,
		Version: version(), Program: called(os.Args[0]), Log: c.logger(),
	})
	if err != nil {
		return err
	}
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	c.banner(os.Stdout, info)
	if err := c.tellReady(info); err != nil {
		return err
	}
	if err := s.Run(ctx); err != nil {
		return err
	}
	fmt.Println("Stopped.")
	return nil
}

func (c *serveCmd) data() string {
	switch {
	case c.Data != "":
		return c.Data
	case c.Demo:
		return "grove-demo"
	}
	return "grove-data"
}

func (c *serveCmd) logger() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // one of the enum
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}

// tellReady writes the ready file whole or not at all. The listeners are open
// already, so whoever reads it can connect.
func (c *serveCmd) tellReady(info server.Info) error {
	if c.ReadyFile == "" {
		return nil
	}
	raw, err := json.Marshal(info)
	if err != nil {
		return err
	}
	return writeWhole(c.ReadyFile, raw)
}

// called is how to call this program again, for snippets that work as printed.
func called(name string) string {
	if strings.Contains(name, "go-build") {
		return "go run ./cmd/grove"
	}
	if filepath.Base(name) == name {
		return name
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, name); err == nil && len(rel) < len(name) && !strings.HasPrefix(rel, "..") {
			return server.Quote("./" + rel)
		}
	}
	return server.Quote(name)
}

func (c *serveCmd) banner(w io.Writer, i server.Info) {
	fmt.Fprintf(w, "\nGrove is running.\n\n  Dashboard  %s/\n  HTTP API   %s   (documentation: %s/docs)\n  MQTT       %s (TLS)\n  CA file    %s\n  CA SHA-256 %s\n  Data       %s\n",
		i.HTTP, i.HTTP, i.HTTP, i.MQTTS, i.CAFile, i.Fingerprint, i.Data)
	curl := "curl -s"
	if i.NeedsCA {
		curl += " --cacert " + server.Quote(i.CAFile)
	}
	switch {
	case i.Demo != nil:
		demoBanner(w, i, curl)
	case i.SetupCode != "":
		setupBanner(w, i, curl)
	}
	fmt.Fprintln(w, "\nStop it with Ctrl-C.")
}

// setupBanner shows three ways to make the first owner. The password of the last
// is refused until somebody writes their own.
func setupBanner(w io.Writer, i server.Info, curl string) {
	fmt.Fprintf(w, `
There is no account yet. Make the first owner within 15 minutes (a restart makes a new code), in a browser:

  %[5]s/setup?code=%[3]s

or here:

  %[1]s setup %[2]s %[3]s you@example.org

It asks for a password of at least 12 characters. Or with curl, the password written in:

  %[4]s %[5]s/v1/grove-service/setup -H 'Content-Type: application/json' \
    -d '{"code":"%[3]s","email":"you@example.org","password":"…","name":"You"}'
`, called(os.Args[0]), i.Reach(), i.SetupCode, curl, i.HTTP)
}

func demoBanner(w io.Writer, i server.Info, curl string) {
	host, port, _ := net.SplitHostPort(i.MQTTS) // an address that is listened on
	d := i.Demo
	fmt.Fprintf(w, `
  Account    %[1]s
  Password   %[2]s

Three simulated printers are bound to it; they run 20 times as fast as real ones. Open the
dashboard in a browser and sign in with that account. Or copy and paste:

1. Sign in and list the printers, with curl:

  TOKEN=$(%[8]s %[3]s/v1/user-service/user/login -H 'Content-Type: application/json' \
    -d '{"account":"%[1]s","password":"%[2]s"}' | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')
  %[8]s %[3]s/v1/iot-service/api/user/bind -H "Authorization: Bearer $TOKEN"

2. Send commands to a printer, with Python (apt-get install python3-paho-mqtt):

  python3 - <<'END'
%[4]s
END

3. Watch a printer live:

  GROVE_PASSWORD=%[2]s %[5]s login %[6]s %[1]s
  %[5]s watch %[7]s
`, d.Email, d.Password, i.HTTP, strings.TrimSuffix(pythonExample(host, port, i.CAFile, d), "\n"), called(os.Args[0]), i.Reach(), d.Serial, curl)
}

// parseSize reads sizes such as 512MiB, 1GiB or 0.
func parseSize(text string) (int64, error) {
	units := map[string]int64{"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
	trimmed := strings.TrimSpace(text)
	digits := strings.TrimRight(trimmed, "BKMGTibkmgt ")
	n, err := strconv.ParseInt(digits, 10, 64)
	factor, ok := units[strings.ToUpper(strings.TrimSpace(trimmed[len(digits):]))]
	if err != nil || !ok || n < 0 || n > math.MaxInt64/factor {
		return 0, grove.Errorf(grove.Invalid, "bad_size", "%q is not a size; write for example 512MiB or 1GiB", text)
	}
	return n * factor, nil
}
