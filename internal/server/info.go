package server

import (
	"context"

	"github.com/grovecloud/grove"
)

// Info is what somebody who started a server wants to know.
type Info struct {
	HTTP        string `json:"http"`  // base URL
	MQTTS       string `json:"mqtts"` // host:port
	CAFile      string `json:"ca_file"`
	Fingerprint string `json:"ca_sha256"`
	Data        string `json:"data"`
	// NeedsCA is set where HTTP clients must be told to trust the CA.
	NeedsCA bool `json:"-"`
	// SetupCode is set while no owner exists.
	SetupCode string `json:"-"`
	// Demo is set in a demo.
	Demo *DemoInfo `json:"demo,omitempty"`
}

// DemoInfo is how to use the demo.
type DemoInfo struct {
	Email, Password string
	Serial          string // a demo printer that takes prints at once
	AccessCode      string // and its access code
}

// Info says how to reach this server.
func (s *Server) Info(ctx context.Context) (Info, error) {
	i := s.place()
	if s.cfg.Demo {
		p, err := s.db.Printer(ctx, allToys()[1].serial)
		if err != nil {
			return i, err
		}
		i.Demo = &DemoInfo{Email: DemoEmail, Password: demoPassword, Serial: p.Serial, AccessCode: string(p.AccessCode)}
		return i, nil
	}
	needs, err := s.access.NeedsSetup(ctx)
	if needs && err == nil {
		i.SetupCode, _ = s.access.SetupCode()
	}
	return i, err
}

// ReadCA gives the certificate of a data directory's CA and its fingerprint, for
// handing it to clients.
func ReadCA(data string) (pem []byte, fingerprint string, err error) {
	d := &directory{path: data}
	a, pem, err := readAuthority(d)
	if err != nil {
		return nil, "", err
	}
	return pem, a.fingerprint(), nil
}

func noCA(path string) error {
	return grove.Errorf(grove.NotFound, "no_ca", "there is no CA in %s yet; start grove serve once, or give the right --data", path)
}
