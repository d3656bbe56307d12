package server

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/bridge"
	"github.com/grovecloud/grove/internal/fleet"
)

// openBridge makes what holds the printers of this machine's own networks.
func (s *Server) openBridge() (err error) {
	c := s.cfg.lan
	c.Printers, c.Places, c.Tell = lanLinks{s.fleet}, s.fleet, s.tell
	c.Moved = func(a bridge.Arrival) { s.access.BridgeMoved(a.ID, a.Epoch, a.Connected) }
	c.ClearFiles = s.cfg.LANClear
	c.Log, c.Registry = s.log.With(slog.String("component", "bridge")), s.registry
	if c.Networks, err = networks("--lan-networks", s.cfg.LANNetworks, ""); err != nil {
		return err
	}
	if c.Roots, err = printerRoots(s.cfg.LANAuthority); err != nil {
		return err
	}
	if s.bridge, err = bridge.New(c); err != nil {
		return err
	}
	s.fleet.Reach(s.bridge)
	return nil
}

// printerRoots are the operator's own authorities of printers; nil without a file.
func printerRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // without a bundle keys are pinned, which is what nil says
	}
	pem, err := os.ReadFile(file) //nolint:gosec // the operator names their own file
	if err != nil {
		return nil, &grove.Error{Code: grove.Invalid, Reason: "bad_lan_ca", Err: err, Message: fmt.Sprintf("--lan-ca %s can't be read", file)}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, grove.Errorf(grove.Invalid, "bad_lan_ca", "--lan-ca %s holds no PEM certificate", file)
	}
	return pool, nil
}

// lanLinks shows the fleet to the bridge.
type lanLinks struct{ *fleet.Fleet }

// Attach takes a printer's link.
func (l lanLinks) Attach(serial string, link bridge.Link) func(reason string) {
	return l.Fleet.Attach(serial, link)
}

// tunnels shows the bridge to Grove's own API.
type tunnels struct{ *bridge.Bridge }

// Carry serves the connection of a bridge elsewhere until it ends; why it did is in
// the log.
func (t tunnels) Carry(ctx context.Context, conn net.Conn, id string, seen grove.BridgeSeen) {
	_ = t.Serve(ctx, conn, bridge.Arrival{ID: id, BridgeSeen: seen})
}
