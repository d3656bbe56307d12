// Package accesstest makes a real gate for the tests of other rooms.
package accesstest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"log/slog"
	"sync"
	"testing"

	"github.com/grovecloud/grove/internal/access"
)

// signing is made once: an RSA key costs a second under the race detector.
var signing = sync.OnceValues(func() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
})

// New makes an access over these records, with hashes that cost next to nothing.
func New(t testing.TB, records access.Records) *access.Access {
	t.Helper()
	if _, err := records.Secret(t.Context(), access.SigningKey, signing); err != nil {
		t.Fatal(err)
	}
	a, err := access.New(t.Context(), access.Config{
		Records: records, Hashes: access.Hashing{MemoryKiB: 64, Passes: 1}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
