package library_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/library"
)

func TestAnUploadLinkOfALockedAccountTakesNothing(t *testing.T) {
	t.Parallel()
	gcode, locked := []byte("G28\nG1 X10 Y10\n"), false
	h := newHouse(t, func(c *library.Config) {
		c.Locked = func(owner int64) bool { return locked && owner == ann.UserID }
	})
	up := h.begin(t, library.Wish{Name: "a.gcode", Size: int64(len(gcode))})
	locked = true
	if _, err := h.send(t, up, 0, int64(len(gcode)), bytes.NewReader(gcode)); !errors.Is(err, grove.Forbidden) || !grove.HasReason(err, grove.ReasonAccountLocked) {
		t.Errorf("its content was taken: %v", err)
	}
	_, sig := link(t, up.URL)
	if _, err := h.Arrived(t.Context(), up.File.ID, sig); !grove.HasReason(err, grove.ReasonAccountLocked) {
		t.Errorf("it tells how far it came: %v", err)
	}
	locked = false
	if f, err := h.send(t, up, 0, int64(len(gcode)), bytes.NewReader(gcode)); err != nil || f.State != grove.Stored {
		t.Errorf("let in again: %+v, %v", f, err)
	}
}
