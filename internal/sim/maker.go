package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The life of certificates: printers are not asked to renew theirs.
const (
	certificateYears = 20
	keyBits          = 2048 // RSA, as printers have: slicers also offer suites without ECDHE
)

// Maker is who makes simulated printers: its own certificate authority, and the
// certificates that it put into them. It is safe for many printers at once.
type Maker struct {
	dir string // "": nothing is kept

	once sync.Once
	ca   tls.Certificate
	err  error
}

// NewMaker is a maker that keeps its authority and its printers' keys in dir, so
// that a printer has the same key when it is made again. Without a dir they last
// as long as the process.
func NewMaker(dir string) *Maker { return &Maker{dir: dir} }

// Authority is the certificate of the maker's authority in PEM, for who wants to
// verify its printers.
func (k *Maker) Authority() ([]byte, error) {
	ca, err := k.authority()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]}), nil
}

func (k *Maker) authority() (tls.Certificate, error) {
	k.once.Do(func() {
		k.ca, k.err = k.keep("authority", func() (tls.Certificate, error) {
			return issue(&x509.Certificate{
				Subject: pkix.Name{CommonName: "Grove simulated printers"}, IsCA: true, BasicConstraintsValid: true,
				KeyUsage: x509.KeyUsageCertSign,
			}, nil)
		})
	})
	return k.ca, k.err
}

// certificate is that of a printer. Its only name is the common name, the serial
// (OpenBambuAPI), and the printer shows it without its authority's.
func (k *Maker) certificate(serial string) (tls.Certificate, error) {
	return k.keep("printer-"+serial, func() (tls.Certificate, error) { return k.leaf(serial) })
}

// leaf makes another key and certificate for a name.
func (k *Maker) leaf(name string) (tls.Certificate, error) {
	ca, err := k.authority()
	if err != nil {
		return tls.Certificate{}, err
	}
	return issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}}, &ca)
}

// keep gives what was made before under this name, or makes it now.
func (k *Maker) keep(name string, forge func() (tls.Certificate, error)) (tls.Certificate, error) {
	if k.dir == "" {
		return forge()
	}
	path := filepath.Join(k.dir, name+".pem")
	text, err := os.ReadFile(filepath.Clean(path))
	if err == nil {
		return tls.X509KeyPair(text, text)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, fmt.Errorf("read certificate: %w", err)
	}
	made, err := forge()
	if err != nil {
		return made, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		return made, fmt.Errorf("encode key: %w", err)
	}
	text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return made, fmt.Errorf("make state directory: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return made, fmt.Errorf("keep certificate: %w", err)
	}
	return made, nil
}

// issue makes a key and its certificate, signed by ca or by itself.
func issue(template *x509.Certificate, ca *tls.Certificate) (tls.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make key: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return tls.Certificate{}, fmt.Errorf("number certificate: %w", err)
	}
	template.NotBefore = time.Now().Add(-24 * time.Hour)
	template.NotAfter = template.NotBefore.AddDate(certificateYears, 0, 0)
	parent, signer := template, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read own certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
