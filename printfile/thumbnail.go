package printfile

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"io"

	"github.com/grovecloud/grove"
)

// Thumbnail is a plate's picture as PNG, drawn anew from its pixels, so that nothing
// else from the file comes along. The errors are grove.NotFound when there is
// none and grove.Invalid when it can't be read, apart from those of r and ctx.
func Thumbnail(ctx context.Context, r io.ReaderAt, size int64, plate int, lim Limits) ([]byte, error) {
	src, done := newSource(ctx, r, size, lim.orDefaults())
	defer done()
	packed, err := src.picture(plate)
	if err != nil {
		return nil, src.refuse(ctx, err)
	}
	if packed == nil {
		return nil, grove.Errorf(grove.NotFound, ReasonNoThumbnail, "the file has no picture of plate %d", plate)
	}
	picture, err := redraw(packed, src.lim)
	if err != nil {
		return nil, src.refuse(ctx, err)
	}
	return picture, nil
}

// picture finds a plate's picture by the file's content; nil if there is none.
func (s *source) picture(plate int) ([]byte, error) {
	head := make([]byte, min(s.size, SniffBytes))
	if _, err := s.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read head: %w", err)
	}
	switch {
	case Sniff(Kind3MF, head, s.size) == nil:
		a, err := openArchive(s)
		if err != nil {
			return nil, err
		}
		return a.picture(plate)
	case plate == 1 && Sniff(KindGcode, head, s.size) == nil:
		return embeddedPicture(newScript(io.NewSectionReader(s, 0, min(s.size, s.lim.UnpackedBytes))))
	}
	return nil, nil
}

// pictureOf names the member with a plate's picture.
func pictureOf(plate int) string { return fmt.Sprintf("Metadata/plate_%d.png", plate) }

// picture is a plate's packed picture; the first plate may have the package's.
func (a *archive) picture(plate int) ([]byte, error) {
	names := []string{pictureOf(plate)}
	if plate == 1 {
		names = append(names, "Auxiliaries/.thumbnails/thumbnail_3mf.png", "Metadata/thumbnail.png")
	}
	for _, name := range names {
		if content, ok, err := a.read(name, maxImage); ok || err != nil {
			return content, err
		}
	}
	return nil, nil
}

// embeddedPicture is the largest of the pictures that a slicer wrote into G-code
// as base64 comments, between "thumbnail begin" and "thumbnail end".
func embeddedPicture(s *script) ([]byte, error) {
	var best, now []byte
	inside := false
	for {
		l, err := s.next()
		if errors.Is(err, io.EOF) || l.letter != 0 && best != nil {
			return decodePicture(best)
		}
		if err != nil {
			return nil, err
		}
		switch {
		case bytes.HasPrefix(l.comment, []byte("thumbnail begin")):
			inside, now = true, nil
		case bytes.HasPrefix(l.comment, []byte("thumbnail end")):
			if inside && len(now) > len(best) {
				best = now
			}
			inside = false
		case inside && len(now) < maxImage:
			now = append(now, l.comment...)
		}
	}
}

func decodePicture(encoded []byte) ([]byte, error) {
	if encoded == nil {
		return nil, nil
	}
	packed, err := base64.StdEncoding.AppendDecode(nil, encoded)
	if err != nil {
		return nil, flawf("The file's picture is damaged: slice the model again to get a new one.")
	}
	return packed, nil
}

// checkPicture looks at a picture's header: is it a PNG, and of a bearable size.
func checkPicture(r io.Reader, lim Limits) error {
	header, err := png.DecodeConfig(r)
	if err != nil {
		return flawf("The file's picture is no readable PNG (%s): slice the model again to get a new one.", plain(err.Error()))
	}
	if int64(header.Width)*int64(header.Height) > int64(lim.Pixels) {
		return flawf("The file's picture has %d × %d pixels, more than the %d that are shown: slice the model again to get a smaller one.", header.Width, header.Height, lim.Pixels)
	}
	return nil
}

func redraw(packed []byte, lim Limits) ([]byte, error) {
	if err := checkPicture(bytes.NewReader(packed), lim); err != nil {
		return nil, err
	}
	picture, err := png.Decode(bytes.NewReader(packed))
	if err != nil {
		return nil, flawf("The file's picture is damaged (%s): slice the model again to get a new one.", plain(err.Error()))
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return b.Bytes(), nil
}
