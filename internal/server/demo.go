package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

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
	if errors.Is(err, grove.NotFound) {
		u, err = s.access.AddUser(ctx, DemoEmail, demoPassword, "Demo", grove.Owner)
	}
	if err != nil {
		return fmt.Errorf("make demo account: %w", err)
	}
	if s.toys.first, err = s.toys.build(ctx, u.ID); err != nil {
		return fmt.Errorf("bind demo printers: %w", err)
	}
	return s.stockDemo(ctx, u.ID)
}

// stockDemo puts a file for each printer into the library, once: what is deleted of
// them stays so. A demo without room for them goes on without.
func (s *Server) stockDemo(ctx context.Context, userID int64) error {
	done := s.dir.file("demo-stocked")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	actor := grove.Actor{Kind: grove.ActorUser, UserID: userID}
	for _, one := range allToys() {
		wish, content := demoFile(one)
		_, err := s.library.Find(ctx, userID, "", wish.Name, 0) // it may be there since a start that was cut off
		if errors.Is(err, grove.NotFound) {
			_, err = s.library.Store(ctx, actor, wish, bytes.NewReader(content))
		}
		if err != nil {
			s.log.Warn("no file for a printer of the demo", slog.String("file", wish.Name), slog.Any("error", err))
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return writeSecret(done, nil)
}

// demoFile is a file for a printer of the demo, of what all of them have loaded.
func demoFile(one toy) (library.Wish, []byte) {
	m, _ := bambu.LookupModel(one.model)
	content := sample.ThreeMF(sample.Model(one.model), sample.Filaments(grove.Filament{Type: "PLA", Color: "F2754EFF", Preset: "GFA00"}))
	return library.Wish{Name: "Cube for " + m.Name + ".gcode.3mf", Size: int64(len(content))}, content
}
