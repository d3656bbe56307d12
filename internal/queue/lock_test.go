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

func TestAJobOfALockedGuestWaits(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		guest, err := h.gate.AddUser(t.Context(), "guest@example.org", "a password of theirs", "Guest", grove.Operator)
		if err != nil {
			t.Fatal(err)
		}
		h.file.OwnerID = guest.ID
		h.locks(guest.ID, true)
		j := h.submit()
		h.want(j.ID, grove.Queued)
		if waits := h.waits(j.ID); waits != "account_locked map[of:file]" || h.m.started() != 0 {
			t.Errorf("it waits for %s, started %d", waits, h.m.started())
		}
		h.locks(guest.ID, false)
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}
