package server

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/limit"
	"github.com/grovecloud/grove/internal/rest/own"
)

// self shows the server itself to its own API.
type self struct{ *Server }

// Status measures and counts.
func (s self) Status(ctx context.Context) (cloudapi.ServerStatus, error) {
	sizes, err := s.db.Sizes(ctx)
	if err != nil {
		return cloudapi.ServerStatus{}, err
	}
	free, total, err := s.library.Blobs.Free(ctx)
	if err != nil {
		return cloudapi.ServerStatus{}, fmt.Errorf("look for free space: %w", err)
	}
	kind, cert, err := s.certs.shown(s.host())
	if err != nil {
		return cloudapi.ServerStatus{}, err
	}
	rules, err := limit.Parse(s.cfg.Limits)
	if err != nil {
		return cloudapi.ServerStatus{}, err
	}
	reach, now := s.Reach(), time.Now().UTC().Truncate(time.Second)
	bound, online := s.fleet.Census()
	return cloudapi.ServerStatus{
		Version: s.cfg.Version, StartedAt: s.started, UptimeSeconds: int64(now.Sub(s.started).Seconds()), Demo: s.cfg.Demo,
		Database: cloudapi.ServerDatabase{Kind: sizes.Kind, SizeBytes: sizes.Database},
		Files:    cloudapi.ServerFiles{Count: sizes.Files, SizeBytes: sizes.Contents, FreeBytes: free, TotalBytes: total},
		Limits: cloudapi.ServerLimits{
			Rates: rules.String(), FileBytes: s.library.MaxBytes, QuotaBytes: s.cfg.Quota, MinFreeBytes: s.cfg.MinFree,
			KeepDays: s.cfg.KeepDays, KeepAuditDays: s.cfg.KeepAuditDays,
		},
		Mail: s.mail != nil,
		Certificate: cloudapi.ServerCertificate{
			Kind: kind, HTTPS: s.cfg.TLS, Names: namesOf(cert), NotAfter: cert.NotAfter, SHA256: fingerprint(cert),
		},
		CA:       cloudapi.ServerCA{Needed: reach.MQTTNeedsCA, Path: own.CAPath, NotAfter: s.ca.cert.NotAfter, SHA256: s.ca.fingerprint()},
		Printers: cloudapi.ServerPrinters{Bound: bound, Online: online},
	}, nil
}

// host is the name by which clients come.
func (s self) host() string {
	u, err := url.Parse(s.cfg.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// CA is the certificate of the built-in CA.
func (s self) CA() []byte { return s.ca.pem() }

// Reach is how clients come here.
func (s self) Reach() cloudapi.Reach {
	i := s.place()
	host, port := i.mqttAt()
	number, _ := strconv.Atoi(port) // an address that is listened on
	return cloudapi.Reach{
		BaseURL: i.HTTP, MQTTHost: host, MQTTPort: number, HTTPNeedsCA: i.NeedsCA, MQTTNeedsCA: s.certs.needsCA(host),
		CAPath: own.CAPath, CASHA256: i.Fingerprint,
	}
}

// TestMail mails a letter with nothing in it.
func (s self) TestMail(ctx context.Context, to string) error {
	if s.mail == nil {
		return grove.Errorf(grove.Conflict, "no_mail", "no mail server is set up; start the server with --smtp and --mail-from")
	}
	return s.mail.Try(ctx, access.Letter{
		To: to, Subject: "Mail works", Text: s.name() + " can send you mail. Somebody who runs it, hopefully you, has just tried that.\n",
	})
}

// shown is the certificate for clients that come by a name, and where it is from.
func (c certificates) shown(host string) (kind string, cert *x509.Certificate, err error) {
	for _, s := range c.sources {
		pair, err := s.certificate(&tls.ClientHelloInfo{ServerName: host})
		if err != nil {
			return "", nil, err
		}
		if pair != nil {
			return s.kind(), pair.Leaf, nil
		}
	}
	return "", nil, grove.Errorf(grove.Internal, "no_certificate", "there is no certificate for %s", host) // the last source has one for everybody
}

func namesOf(cert *x509.Certificate) []string {
	names := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// fingerprint is the SHA-256 of a certificate.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

// mqttAt is where clients find the broker.
func (i Info) mqttAt() (host, port string) {
	host, port, _ = net.SplitHostPort(i.MQTTS) // an address that is listened on
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return host, port
	}
	if u, err := url.Parse(i.HTTP); err == nil {
		host = u.Hostname()
	}
	return host, port
}
