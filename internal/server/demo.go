package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/printfile/sample"
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
	fresh := errors.Is(err, grove.NotFound)
	if fresh {
		u, err = s.access.AddUser(ctx, DemoEmail, demoPassword, "Demo", grove.Owner)
	}
	if err != nil {
		return fmt.Errorf("make demo account: %w", err)
	}
	if s.toys.first, err = s.toys.build(ctx, u.ID); err != nil {
		return fmt.Errorf("bind demo printers: %w", err)
	}
	if fresh {
		s.stockDemo(ctx, u.ID)
	}
	return nil
}

// stockDemo puts a file for each printer into the library, of what all of them have
// loaded. A demo without room for them goes on without.
func (s *Server) stockDemo(ctx context.Context, userID int64) {
	actor := grove.Actor{Kind: grove.ActorUser, UserID: userID}
	for _, one := range allToys() {
		m, _ := bambu.LookupModel(one.model)
		content := sample.ThreeMF(sample.Model(one.model), sample.Filaments(grove.Filament{Type: "PLA", Color: "F2754EFF", Preset: "GFA00"}))
		wish := library.Wish{Name: "Cube for " + m.Name + ".gcode.3mf", Size: int64(len(content))}
		if _, err := s.library.Store(ctx, actor, wish, bytes.NewReader(content)); err != nil {
			s.log.Warn("no file for a printer of the demo", slog.String("file", wish.Name), slog.Any("error", err))
		}
	}
}
