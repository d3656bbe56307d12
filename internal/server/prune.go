package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/grovecloud/grove/internal/fleet"
)

// pruneEvery is how often the records are looked through for what is old enough.
const pruneEvery = time.Hour

// runPrune removes what is older than it is kept, until ctx ends.
func (s *Server) runPrune(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.prune(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("old records not removed", slog.Any("error", err))
		}
	}
}

// prune removes nothing while it is not known what time it is, since by a clock that
// is years ahead everything would be old, nor where another server does it.
func (s *Server) prune(ctx context.Context) error {
	if err := s.queue.MayForget(ctx); err != nil {
		return err
	}
	for {
		now := time.Now()
		more, err := s.db.Prune(ctx, since(now, s.cfg.KeepDays), since(now, s.cfg.KeepAuditDays), now.Add(-fleet.KeepTemperatures))
		if err != nil {
			return err
		}
		if !more {
			return s.library.DropPictures(ctx, since(now, s.cfg.KeepDays))
		}
	}
}

// since is the time from which on things are kept; zero: from the beginning.
func since(now time.Time, days int) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return now.Add(-time.Duration(days) * 24 * time.Hour)
}
