package blobtest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the port's rules include it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/blob"
)

func appendTo(t *testing.T, s blob.Store, name string, at int64, more []byte) {
	t.Helper()
	info, err := s.Append(t.Context(), name, at, bytes.NewReader(more))
	if err != nil {
		t.Fatalf("Append(%s, %d): %v", name, at, err)
	}
	if info.Name != name || info.Size != at+int64(len(more)) || info.ModTime.IsZero() {
		t.Errorf("Append(%s, %d) of %d bytes = %+v", name, at, len(more), info)
	}
}

// mustSum holds a blob's hashes and bytes against what it should be.
func mustSum(t *testing.T, s blob.Store, name string, want []byte) {
	t.Helper()
	info, err := s.Sum(t.Context(), name)
	quick, slow := sha256.Sum256(want), md5.Sum(want) //nolint:gosec // the port's rules include it
	if err != nil || info.Name != name || info.Size != int64(len(want)) || info.ModTime.IsZero() ||
		info.SHA256 != hex.EncodeToString(quick[:]) || info.MD5 != strings.ToUpper(hex.EncodeToString(slow[:])) {
		t.Errorf("Sum(%s) = %+v, %v, want that of %d bytes", name, info, err, len(want))
	}
	if got := read(t, s, name); !bytes.Equal(got, want) {
		t.Errorf("the %d bytes of %s are not the %d that it was made of", len(got), name, len(want))
	}
}

func appending(t *testing.T, s blob.Store) {
	content := Content(900_000)
	put(t, s, "files/a", content[:10])
	for _, part := range [][2]int64{{10, 11}, {11, 11}, {11, 300_000}, {300_000, 900_000}} {
		appendTo(t, s, "files/a", part[0], content[part[0]:part[1]])
	}
	mustSum(t, s, "files/a", content)
	if got := names(t, s); !slices.Equal(got, []string{"files/a"}) {
		t.Errorf("the store lists %q", got)
	}
	put(t, s, "files/a", nil)
	mustSum(t, s, "files/a", nil)
}

func appendDropsTheRest(t *testing.T, s blob.Store) {
	put(t, s, "a", Content(1000))
	appendTo(t, s, "a", 400, []byte("end"))
	mustSum(t, s, "a", append(Content(1000)[:400:400], "end"...))
}

func failingAppend(t *testing.T, s blob.Store) {
	content := Content(1000)
	put(t, s, "a", content)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, c := range map[string]struct {
		more io.Reader
		want error
	}{
		"a failing reader":    {io.MultiReader(bytes.NewReader(Content(600_000)), iotest.ErrReader(errBroken)), errBroken},
		"an idle reader":      {idle{}, io.ErrNoProgress},
		"a cancelled context": {&cancelling{reads: 3, cancel: cancel}, context.Canceled},
	} {
		in := t.Context()
		if errors.Is(c.want, context.Canceled) {
			in = ctx
		}
		if _, err := s.Append(in, "a", 1000, c.more); !errors.Is(err, c.want) {
			t.Errorf("Append of %s = %v, want %v", name, err, c.want)
		}
		mustSum(t, s, "a", content)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = s.Append(t.Context(), "a", 1000, io.MultiReader(bytes.NewReader(Content(600_000)), panicking{}))
	}()
	mustSum(t, s, "a", content)
}

func appendToNothing(t *testing.T, s blob.Store) {
	put(t, s, "folder/short", Content(10))
	for _, name := range []string{"folder/short", "folder", "none", "folder/short/er"} {
		unread := iotest.ErrReader(errors.New("was read"))
		if _, err := s.Append(t.Context(), name, 11, unread); !errors.Is(err, grove.NotFound) {
			t.Errorf("Append(%s) = %v, want NotFound", name, err)
		}
	}
	for _, name := range []string{"folder", "none", "folder/short/er"} {
		if _, err := s.Sum(t.Context(), name); !errors.Is(err, grove.NotFound) {
			t.Errorf("Sum(%s) = %v, want NotFound", name, err)
		}
	}
	mustSum(t, s, "folder/short", Content(10))
}
