package broker

import (
	"context"
	"log/slog"
)

// quiet gives the protocol engine a logger of its own kind. It warns of every
// client that leaves and shows whole packets, secrets included; only its errors
// are let through, and never a packet.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(hushed{log.Handler()})
}

type hushed struct{ slog.Handler }

// Enabled lets errors through.
func (h hushed) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.Handler.Enabled(ctx, level)
}

// Handle logs under a message of our own what names the trouble, and no packet.
func (h hushed) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, "mqtt engine", r.PC)
	out.AddAttrs(slog.String("engine", r.Message))
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" || a.Key == "client" || a.Key == "hook" {
			out.AddAttrs(a)
		}
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs adds nothing.
func (h hushed) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup adds nothing.
func (h hushed) WithGroup(string) slog.Handler { return h }
