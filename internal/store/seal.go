package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/grovecloud/grove"
)

// masterKeySize is the length of Config.MasterKey in bytes.
const masterKeySize = 32

// keyMarkSize is how many bytes before a sealed value name its master key.
const keyMarkSize = 4

// sealer encrypts what must be readable again: AES-256-GCM, bound to its place
// in the database, so that a value copied to another row does not open there.
type sealer struct {
	aead  cipher.AEAD
	mark  []byte // says which master key sealed a value
	index []byte // key of the access code index
}

// place is where a sealed value lives.
type place struct{ table, column, row string }

func (p place) bytes() []byte {
	return fmt.Appendf(nil, "%s\x00%s\x00%s", p.table, p.column, p.row)
}

func newSealer(master []byte) (sealer, error) {
	if len(master) != masterKeySize {
		return sealer{}, grove.Errorf(grove.Invalid, "master_key",
			"The master key has %d bytes, it must have %d. Put back the key file that belongs to this database.", len(master), masterKeySize)
	}
	derived := make(map[string][]byte)
	for _, purpose := range []string{"seal", "mark", "access code index"} {
		key, err := hkdf.Key(sha256.New, master, nil, "grove store "+purpose, masterKeySize)
		if err != nil {
			return sealer{}, fmt.Errorf("derive key: %w", err)
		}
		derived[purpose] = key
	}
	block, err := aes.NewCipher(derived["seal"])
	if err != nil {
		return sealer{}, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, fmt.Errorf("make cipher: %w", err)
	}
	return sealer{aead: aead, mark: derived["mark"][:keyMarkSize], index: derived["access code index"]}, nil
}

// seal encrypts plain for its place.
func (s sealer) seal(at place, plain []byte) []byte {
	return s.aead.Seal(bytes.Clone(s.mark), nil, plain, at.bytes()) //nolint:gosec // G407: no nonce is given, the cipher draws one
}

// open decrypts what was sealed for the same place.
func (s sealer) open(at place, sealed []byte) ([]byte, error) {
	body, ok := bytes.CutPrefix(sealed, s.mark)
	if !ok {
		return nil, grove.Errorf(grove.Internal, "wrong_master_key",
			"This database was written with another master key. Put back the key file that belongs to it.")
	}
	plain, err := s.aead.Open(nil, nil, body, at.bytes())
	if err != nil {
		return nil, fmt.Errorf("open %s of %s: %w", at.column, at.table, err)
	}
	return plain, nil
}

// codeIndex is the keyed hash by which an access code is found; ” for none.
func (s sealer) codeIndex(code string) string {
	if code == "" {
		return ""
	}
	mac := hmac.New(sha256.New, s.index)
	mac.Write([]byte(code))
	return hex.EncodeToString(mac.Sum(nil))
}
