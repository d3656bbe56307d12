package server

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/grovecloud/grove/internal/rest"
)

// Reach is the flags that point grove on this machine here. The broker goes
// without saying on port 8883 of the URL's host.
func (i Info) Reach() string {
	return i.broker() + " --ca " + Quote(i.CAFile)
}

func (i Info) broker() string {
	flags := "--url " + i.HTTP
	host, port := i.mqttAt()
	at := ""
	if u, err := url.Parse(i.HTTP); err == nil {
		at = u.Hostname()
	}
	if host != at || port != "8883" {
		flags += " --mqtt " + net.JoinHostPort(host, port)
	}
	return flags
}

// hints are what the page tells its reader to type. Where other machines can read
// it, the reader sits elsewhere.
func (s *Server) hints() rest.Hints {
	i := s.place()
	h := rest.Hints{Program: s.cfg.Program, Here: i.Reach(), Flags: i.broker() + " --ca grove-ca.pem", Email: "you@example.org", Serial: "SERIAL", Demo: s.cfg.Demo}
	_, h.MQTTPort = i.mqttAt()
	if s.cfg.Demo {
		h.Email, h.Password, h.Serial = DemoEmail, demoPassword, allToys()[1].serial
	}
	if !s.private {
		h.Program, h.Here = "grove", ""
	}
	return h
}

// place is what clients need to come here.
func (s *Server) place() Info {
	i := Info{
		HTTP: s.cfg.PublicURL, MQTTS: s.mqttAt.Addr().String(), CAFile: s.ca.file,
		Fingerprint: s.ca.fingerprint(), Data: s.dir.path,
	}
	if u, err := url.Parse(i.HTTP); err == nil {
		i.NeedsCA = s.cfg.TLS && s.certs.needsCA(u.Hostname())
	}
	if abs, err := filepath.Abs(i.CAFile); err == nil {
		i.CAFile = abs
	}
	return i
}

// Quote makes one word of s for a shell.
func Quote(s string) string {
	if s != "" && strings.IndexFunc(s, needsQuotes) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func needsQuotes(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+:@%,=", r)
}
