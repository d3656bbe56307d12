package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

const (
	sweepEvery = 15 * time.Minute
	// sweepSoon is when it is tried again after it could not be done.
	sweepSoon = 5 * time.Second
	// sweepAge is how old something must be to count as left behind: longer
	// than any step between a blob and its row takes, here or on another node.
	sweepAge = 10 * time.Minute
)

// Run sweeps now and then, until ctx ends.
func (l *Library) Run(ctx context.Context) error {
	pause := sweepSoon
	for {
		if err := l.Sweep(ctx); err == nil {
			pause = sweepEvery
		} else if pause = min(2*pause, sweepEvery); ctx.Err() == nil {
			level := slog.LevelWarn
			if errors.Is(err, grove.Conflict) {
				level = slog.LevelDebug // not yet, or not here
			}
			l.Log.Log(ctx, level, "not all that was left behind was swept up", slog.Any("error", err), slog.Duration("again_in", pause))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Sweep removes what uploads left behind: records whose link ended before
// anything arrived, and contents and pictures that belong to no stored file.
func (l *Library) Sweep(ctx context.Context) error {
	if l.MayForget != nil {
		if err := l.MayForget(ctx); err != nil {
			return err
		}
	}
	before := now().Add(-sweepAge)
	return errors.Join(l.sweepRecords(ctx, before), l.sweepBlobs(ctx, before))
}

func (l *Library) sweepRecords(ctx context.Context, before time.Time) error {
	stale, err := l.Records.StaleFiles(ctx, before)
	if err != nil {
		return fmt.Errorf("find stale uploads: %w", err)
	}
	for _, f := range stale {
		err = errors.Join(err, l.holding(f.ID, func() error { return l.forget(ctx, f.ID) }))
	}
	return err
}

// holding does something with a file unless an upload of it goes on.
func (l *Library) holding(fileID string, do func() error) error {
	release, ok := l.running.take(fileID)
	if !ok {
		return nil
	}
	defer release()
	return do()
}

// forget removes a record that is still awaited, now that nobody else changes it.
func (l *Library) forget(ctx context.Context, fileID string) error {
	f, err := l.Records.File(ctx, fileID)
	if err == nil && f.State == grove.Awaiting {
		house := grove.Actor{Kind: grove.ActorSystem, UserID: f.OwnerID}
		err = l.Records.DeleteFile(ctx, fileID, house.Did("file.expire", f.ID+" "+f.Name))
	}
	if err != nil && !errors.Is(err, grove.NotFound) {
		return fmt.Errorf("delete stale upload: %w", err)
	}
	return nil
}

func (l *Library) sweepBlobs(ctx context.Context, before time.Time) (failed error) {
	for b, err := range l.Blobs.List(ctx) {
		if err != nil {
			return errors.Join(failed, fmt.Errorf("list contents: %w", err))
		}
		fileID, ok := fileOf(b.Name)
		if !ok || b.ModTime.After(before) {
			continue
		}
		failed = errors.Join(failed, l.holding(fileID, func() error { return l.dropOrphan(ctx, fileID, b.Name) }))
	}
	return failed
}

// dropOrphan removes a blob whose file is not stored, and does not go on after it.
func (l *Library) dropOrphan(ctx context.Context, fileID, name string) error {
	f, err := l.Records.File(ctx, fileID)
	if err != nil && !errors.Is(err, grove.NotFound) {
		return fmt.Errorf("find file of content: %w", err)
	}
	if err == nil && (f.State == grove.Stored || f.State == grove.Awaiting && f.SizeBytes > 0) {
		return nil
	}
	if err := l.Blobs.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete orphan: %w", err)
	}
	return nil
}

// fileOf is the file that a blob belongs to. Blobs of others are not touched.
func fileOf(blobName string) (fileID string, ok bool) {
	if id, ok := strings.CutPrefix(blobName, "files/"); ok {
		return id, true
	}
	if rest, ok := strings.CutPrefix(blobName, "thumbnails/"); ok {
		id, _, ok := strings.Cut(rest, ".")
		return id, ok
	}
	return "", false
}
