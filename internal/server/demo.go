package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/grovecloud/grove"
)

// The demo's account is known to everybody, which is why the demo only listens
// on this machine.
const (
	DemoEmail    = "demo@grove.local"
	demoPassword = "grove-demo" // printed at start, on purpose
)

// openDemo makes the demo account and its printers, or finds them again.
func (s *Server) openDemo(ctx context.Context) error {
	u, err := s.db.UserByEmail(ctx, DemoEmail)
	if errors.Is(err, grove.NotFound) {
		u, err = s.access.AddUser(ctx, DemoEmail, demoPassword, "Demo", grove.Owner)
	}
	if err != nil {
		return fmt.Errorf("make demo account: %w", err)
	}
	if s.toys.first, err = s.toys.build(ctx, u.ID); err != nil {
		return fmt.Errorf("bind demo printers: %w", err)
	}
	return nil
}
