package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
)

func thumbnailName(fileID string, plate int) string {
	return "thumbnails/" + fileID + "." + strconv.Itoa(plate) + ".png"
}

// SignedThumbnail is [Library.Thumbnail] by the signature of a [Library.ThumbnailURL].
func (l *Library) SignedThumbnail(ctx context.Context, fileID string, plate int, sig Signature) ([]byte, error) {
	if err := l.verify(methodGet, thumbnailPath(fileID, plate), sig); err != nil {
		return nil, err
	}
	return l.Thumbnail(ctx, fileID, plate)
}

// Thumbnail is a plate's picture as PNG: drawn anew from the file at the first
// request, kept for the next. NotFound when there is no such file, plate or
// picture. It asks nobody who they are.
func (l *Library) Thumbnail(ctx context.Context, fileID string, plate int) ([]byte, error) {
	f, err := l.Records.File(ctx, fileID)
	if errors.Is(err, grove.NotFound) {
		return nil, noFile(fileID)
	}
	if err != nil {
		return nil, fmt.Errorf("find file: %w", err)
	}
	if p, ok := f.Plate(plate); !ok || !p.HasThumbnail || f.State != grove.Stored {
		return nil, grove.Errorf(grove.NotFound, ReasonNoThumbnail, "file %s has no picture of a plate %d", fileID, plate)
	}
	picture, err := l.kept(ctx, thumbnailName(fileID, plate))
	if errors.Is(err, grove.NotFound) {
		return l.draw(ctx, f, plate)
	}
	return picture, err
}

func (l *Library) kept(ctx context.Context, name string) ([]byte, error) {
	r, err := l.Blobs.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open thumbnail: %w", err)
	}
	defer r.Close()
	picture, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read thumbnail: %w", err)
	}
	return picture, nil
}

// draw takes the picture from the file. That it cannot be kept costs time at
// the next request and nothing else.
func (l *Library) draw(ctx context.Context, f grove.File, plate int) ([]byte, error) {
	_, content, err := l.open(ctx, f)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	select {
	case l.reading <- struct{}{}:
		defer func() { <-l.reading }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to draw thumbnail: %w", ctx.Err())
	}
	picture, err := printfile.Thumbnail(ctx, content, content.Size(), plate, l.Limits)
	if err != nil {
		return nil, fmt.Errorf("draw thumbnail: %w", err)
	}
	if _, err := l.Blobs.Put(ctx, thumbnailName(f.ID, plate), bytes.NewReader(picture)); err != nil {
		l.Log.WarnContext(ctx, "a thumbnail was not kept", slog.String("file", f.ID), slog.Any("error", err))
	}
	return picture, nil
}
