package server

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/sim"
)

func TestTheServerTellsHowItIs(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Version, c.Quota, c.KeepDays, c.TLS, c.Limits = "v1.2.3", 1<<30, 90, true, "relaxed"
	h := owned(t, c)
	h.printer()
	h.bound(func(c *sim.Config) { c.Serial = "01P00A000000002" })
	file := h.upload()
	until(t, "the printer is online", func() bool {
		s, err := h.client.Server(t.Context())
		return err == nil && s.Printers.Online == 1 && s.Printers.Bound == 2
	})
	s, err := h.client.Server(t.Context())
	if err != nil || s.Version != "v1.2.3" || s.UptimeSeconds < 0 || s.UptimeSeconds > 600 || s.Database.Kind != "sqlite" || s.Database.SizeBytes < 4096 {
		t.Errorf("%+v %v", s, err)
	}
	if s.Files.Count != 1 || s.Files.SizeBytes != file.Size || s.Files.FreeBytes <= 0 || s.Files.TotalBytes < s.Files.FreeBytes {
		t.Errorf("files %+v", s.Files)
	}
	if s.Limits.QuotaBytes != 1<<30 || s.Limits.KeepDays != 90 || !strings.Contains(s.Limits.Rates, "uploads=500/h") || s.Limits.FileBytes != 1<<30 || s.Mail {
		t.Errorf("limits %+v, mail %t", s.Limits, s.Mail)
	}
	if s.Certificate.Kind != "built_in" || !s.Certificate.HTTPS || !slices.Contains(s.Certificate.Names, "127.0.0.1") || len(s.Certificate.SHA256) != 95 || s.Certificate.SHA256 == s.CA.SHA256 {
		t.Errorf("certificate %+v", s.Certificate)
	}
	raw, err := h.client.CA(t.Context())
	block, _ := pem.Decode(raw)
	if err != nil || block == nil {
		t.Fatalf("%q %v", raw, err)
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !ca.IsCA || fingerprint(ca) != s.CA.SHA256 || s.CA.SHA256 != h.info.Fingerprint || !s.CA.Needed || !s.CA.NotAfter.Equal(ca.NotAfter) {
		t.Errorf("CA %+v %v", s.CA, err)
	}
	if _, err := h.client.TestMail(t.Context()); !errors.Is(err, grove.Conflict) || !grove.HasReason(err, "no_mail") {
		t.Errorf("mail that is not set up: %v", err)
	}
}

func TestKitsLeadHereAndHoldNoSecret(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.TLS = true
	h := owned(t, c)
	k, err := h.client.Kits(t.Context())
	if err != nil || k.BaseURL != h.info.HTTP || !k.HTTPNeedsCA || !k.MQTTNeedsCA || !strings.HasPrefix(k.MQTTUsername, "u_") || len(k.Kits) < 8 {
		t.Fatalf("%+v %v", k, err)
	}
	_, port, _ := net.SplitHostPort(h.info.MQTTS)
	found := map[string]string{}
	for _, kit := range k.Kits {
		for _, s := range kit.Settings {
			found[kit.Client+" "+s.Name] = s.Value
		}
		if kit.Secret == "" || len(kit.Settings) == 0 {
			t.Errorf("%+v", kit)
		}
	}
	for setting, want := range map[string]string{
		"curl url": h.info.HTTP, "curl CURL_CA_BUNDLE": "grove-ca.pem", "paho port": port, "paho username": k.MQTTUsername,
		"mqtt.js url": "mqtts://" + h.info.MQTTS, "mosquitto -h": "127.0.0.1", "lan username": "bblp", "slicer cloud_mqtt_port": port,
	} {
		if found[setting] != want {
			t.Errorf("%s: %q, want %q", setting, found[setting], want)
		}
	}
}
