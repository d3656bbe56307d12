package queue_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/queue"
)

// seen is the house's printers, with a camera.
type seen struct {
	queue.Printers
	still func(ctx context.Context) ([]byte, error)
}

func (s seen) Still(ctx context.Context, _ string) ([]byte, error) { return s.still(ctx) }

// album is the house's files, which keep pictures.
type album struct {
	queue.Files
	mu   sync.Mutex
	kept map[int64]string
}

func (a *album) KeepPicture(_ context.Context, job int64, jpeg []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept[job] = string(jpeg)
	return nil
}

func TestTheEndOfAPrintIsPictured(t *testing.T) {
	for name, c := range map[string]struct {
		end      map[string]any
		still    func(ctx context.Context) ([]byte, error)
		state    grove.JobState
		pictured bool
	}{
		"finished": {map[string]any{"gcode_state": "FINISH"}, jpeg, grove.Finished, true},
		"failed":   {map[string]any{"gcode_state": "FAILED", "print_error": 0x03008003}, jpeg, grove.Failed, true},
		"stopped":  {map[string]any{"gcode_state": "FAILED", "print_error": 50348044}, jpeg, grove.Cancelled, false},
		"no camera": {map[string]any{"gcode_state": "FINISH"}, func(context.Context) ([]byte, error) {
			return nil, grove.Errorf(grove.NotFound, "no_picture", "there is none")
		}, grove.Finished, false},
		"a camera that hangs": {map[string]any{"gcode_state": "FINISH"}, func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, grove.Finished, false},
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(t *testing.T, h *house) {
				kept := &album{Files: h.queue.Files, kept: map[int64]string{}}
				h.queue.Printers, h.queue.Files = seen{h.queue.Printers, c.still}, kept
				j := h.submit()
				h.want(j.ID, grove.Accepted)
				h.m.prints("RUNNING")
				h.m.becomes(c.end)
				h.want(j.ID, c.state) // at once: nobody waits for a picture
				pass(time.Minute)
				synctest.Wait()
				got := h.job(j.ID)
				kept.mu.Lock()
				defer kept.mu.Unlock()
				if pictured := !got.PicturedAt.IsZero(); pictured != c.pictured || (kept.kept[j.ID] == "jpeg") != c.pictured {
					t.Errorf("pictured at %s, kept %v", got.PicturedAt, kept.kept)
				}
			})
		})
	}
}

func jpeg(context.Context) ([]byte, error) { return []byte("jpeg"), nil }
