// Package bridge carries the printers of a network here or to a cloud elsewhere:
// MQTT, FTPS, camera, discovery.
package bridge

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/grovecloud/grove"
)

// ReasonStranger is Conflict: who answers at the printer's address shows another
// key than the one the printer was added with.
const ReasonStranger = "printer_key_changed"

// Trust is how a printer proves itself: by a certificate whose common name is its
// serial, and the key that was pinned when it was added. Printers have no other
// name in theirs, and only the leaf is sent (OpenBambuAPI).
type Trust struct {
	Serial string
	// Pin is the SHA-256 of the public key in hex. Empty: whoever has the serial
	// is believed this once, unless there are Roots.
	Pin string
	// Roots are the operator's own bundle of printer certificate authorities, with
	// the intermediates that printers leave out; nil: none.
	Roots *x509.CertPool
}

// TLS is the configuration for one connection, or for the connections of one FTPS
// session, which must resume each other. seen is told the pin of whoever answers,
// also when it is refused. Some models accept TLS 1.2 alone and others truncate
// uploads over 1.3 (bambuddy, measured with vsftpd 3.0.3).
func (t Trust) TLS(seen func(pin string)) *tls.Config {
	return &tls.Config{
		ServerName: t.Serial, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
		InsecureSkipVerify: true, //nolint:gosec // no printer has its address in its certificate; VerifyConnection judges
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(c.PeerCertificates) == 0 {
				return errors.New("the printer showed no certificate")
			}
			leaf := c.PeerCertificates[0]
			if seen != nil {
				seen(PinOf(leaf))
			}
			return t.judge(leaf)
		},
	}
}

// PinOf is the SHA-256 of a certificate's public key, in hex.
func PinOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// judge believes a certificate or says why not.
func (t Trust) judge(leaf *x509.Certificate) error {
	if name := leaf.Subject.CommonName; name != t.Serial {
		return grove.Errorf(grove.Conflict, reasonOther,
			"the printer at this address says that its serial is %.40q, not %s; check the address", name, t.Serial)
	}
	if t.Pin != "" && PinOf(leaf) != t.Pin {
		return grove.Errorf(grove.Conflict, ReasonStranger,
			"printer %s shows another key than when it was added; if it was reset or its board was changed, pair it again with its new key, else somebody stands between", t.Serial)
	}
	if t.Roots == nil {
		return nil
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: t.Roots, Intermediates: t.Roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return &grove.Error{
			Code: grove.Conflict, Reason: reasonUnvouched, Err: err,
			Message: fmt.Sprintf("printer %s is not vouched for by the given certificates", t.Serial),
		}
	}
	return nil
}
