package queue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/queue"
)

// locks locks an account, or lets it in again.
func (h *house) locks(userID int64, locked bool) {
	h.t.Helper()
	may := func(grove.User, int) error { return nil }
	var err error
	if locked {
		_, _, err = h.db.LockUser(h.t.Context(), userID, time.Now().UTC(), may)
	} else {
		_, err = h.db.UnlockUser(h.t.Context(), userID, may)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.gate.Rights.Refresh(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func TestJobsOfALockedAccountWaitUntilItIsLetInAgain(t *testing.T) {
	for name, s := range map[string]queue.Submission{
		"of a printer":     {Serial: serial, FileID: "f_1"},
		"of any of theirs": wish(grove.Criteria{}),
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(t *testing.T, h *house) {
				s.NotBefore = time.Now().Add(time.Minute)
				j := h.make(s, 1)[0]
				h.locks(h.actor.UserID, true)
				pass(2 * time.Minute)
				h.want(j.ID, grove.Queued)
				if got := h.job(j.ID); h.m.started() != 0 || !strings.Contains(got.Why, "is locked") {
					t.Errorf("started %d, waits as %q", h.m.started(), got.Why)
				}
				h.locks(h.actor.UserID, false)
				pass(time.Minute)
				h.want(j.ID, grove.Accepted)
			})
		})
	}
}

// guest is somebody who uploaded f_g, and is locked out.
func (h *house) guest() int64 {
	h.t.Helper()
	guest, err := h.gate.AddUser(h.t.Context(), "guest@example.org", "a password of theirs", "Guest", grove.Operator)
	if err != nil {
		h.t.Fatal(err)
	}
	f := h.file
	f.ID, f.OwnerID = "f_g", guest.ID
	if _, err := h.db.CreateFile(h.t.Context(), f); err != nil {
		h.t.Fatal(err)
	}
	h.others[f.ID] = f
	h.locks(guest.ID, true)
	return guest.ID
}

func TestAJobOfALockedGuestWaitsAndKeepsNobodyWaiting(t *testing.T) {
	const waits = "account_locked map[of:file]"
	for name, s := range map[string]queue.Submission{
		"of a printer":     {Serial: serial, FileID: "f_g"},
		"of any of theirs": {Any: &grove.Criteria{}, FileID: "f_g"},
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(t *testing.T, h *house) {
				guest := h.guest()
				j := h.make(s, 1)[0]
				own := s
				own.FileID = "f_1"
				second := h.make(s, 1)[0]
				pass(time.Minute)
				h.want(j.ID, grove.Queued)
				if got := h.waits(j.ID); got != waits || h.m.started() != 0 {
					t.Errorf("it waits for %s, started %d", got, h.m.started())
				}
				if fit := h.fits(j.ID)[serial]; fit.Fits || reasons(fit) != "account_locked" {
					t.Errorf("while it waits for that, the printer fits: %v, %s", fit.Fits, reasons(fit))
				}
				next := h.make(own, 1)[0]
				pass(time.Minute)
				h.want(next.ID, grove.Accepted)
				h.m.prints("FINISH")
				if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
					t.Fatal(err)
				}
				pass(time.Minute)
				for _, held := range []grove.Job{j, second} {
					h.want(held.ID, grove.Queued)
					if got := h.waits(held.ID); got != waits {
						t.Errorf("behind another's print it waits for %s", got)
					}
				}
				h.locks(guest, false)
				pass(time.Minute)
				h.want(j.ID, grove.Accepted)
			})
		})
	}
}
