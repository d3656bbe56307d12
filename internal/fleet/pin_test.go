package fleet_test

import (
	"errors"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
)

// claimant is somebody who is signed in and may bind printers.
func (h *house) claimant(email string) grove.Actor {
	u := h.user(grove.User{Email: email, Role: grove.Operator})
	return grove.Actor{Kind: grove.ActorUser, UserID: u.ID, SessionID: "ses_x"}
}

func (h *house) pin(by grove.Actor) string {
	h.t.Helper()
	p, err := h.OfferPIN(h.t.Context(), by, serial)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(p.PIN)
}

func TestAPINChangesWhoseAPrinterIsAndNothingOnIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bob := h.claimant("b@example.org")
	before, err := h.db.Printer(t.Context(), serial)
	if err != nil {
		t.Fatal(err)
	}
	link := &printer{}
	h.Attach(serial, link)
	if _, err := h.Claim(t.Context(), bob, h.pin(h.actor)); err != nil {
		t.Fatal(err)
	}
	after, err := h.db.Printer(t.Context(), serial)
	if err != nil {
		t.Fatal(err)
	}
	if after.OwnerID != bob.UserID || after.AccessCode != before.AccessCode || after.DeviceSecretHash != before.DeviceSecretHash || after.Name != before.Name {
		t.Errorf("was %+v, is %+v", before, after)
	}
	if after.PlateClear || after.AutoClear {
		t.Error("nobody looked, and the plate counts as clear")
	}
	if link.closed == "" {
		t.Error("the connection of the former binding goes on")
	}
}

func TestAPINEndsWithWhoseThePrinterWas(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bob, eve := h.claimant("b@example.org"), h.claimant("e@example.org")
	first, second := h.pin(h.actor), h.pin(h.actor)
	if _, err := h.Claim(t.Context(), bob, first); err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{first, second} {
		if _, err := h.Claim(t.Context(), eve, pin); !grove.HasReason(err, "pin_unknown") {
			t.Errorf("%v", err)
		}
	}
	if _, err := h.OffersPIN(t.Context(), eve, second); !grove.HasReason(err, "pin_unknown") {
		t.Errorf("offered: %v", err)
	}
	if _, err := h.OfferPIN(t.Context(), h.actor, serial); !errors.Is(err, grove.NotFound) {
		t.Errorf("the former owner makes another: %v", err)
	}
	if owner, _ := h.Owner(serial); owner != bob.UserID {
		t.Errorf("owner %d", owner)
	}
}

// A claim that is refused leaves the PIN open.
func TestAPINIsSpentOnlyOnAPrinter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bob := h.claimant("b@example.org")
	job, err := h.db.CreateJob(t.Context(), grove.Job{OwnerID: h.actor.UserID, Serial: serial, State: grove.Running}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pin := h.pin(h.actor)
	if _, err := h.Claim(t.Context(), bob, pin); !grove.HasReason(err, "printer_has_job") {
		t.Errorf("while it prints: %v", err)
	}
	_, err = h.db.UpdateJob(t.Context(), job.ID, func(j *grove.Job) ([]grove.Event, error) {
		j.State = grove.Finished
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Most = 1
	if _, err := h.Bind(t.Context(), bob, fleet.Binding{Serial: "SECOND"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Claim(t.Context(), bob, pin); !grove.HasReason(err, "too_many_printers") {
		t.Errorf("one too many: %v", err)
	}
	if err := h.Unbind(t.Context(), bob, "SECOND"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Claim(t.Context(), bob, pin); err != nil {
		t.Errorf("when nothing is in the way: %v", err)
	}
}

func TestOnesOwnPINChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link := &printer{}
	h.Attach(serial, link)
	pin := h.pin(h.actor)
	if _, err := h.Claim(t.Context(), h.actor, pin); err != nil {
		t.Fatal(err)
	}
	if link.closed != "" {
		t.Errorf("the connection was cut: %s", link.closed)
	}
	if _, err := h.Claim(t.Context(), h.actor, pin); !grove.HasReason(err, "pin_unknown") {
		t.Errorf("again: %v", err)
	}
}

func TestAPrinterReachedByItsAddressHasNoPIN(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const other = "01P00A000000002"
	h.Reach(&street{serial: other})
	if _, err := h.Add(t.Context(), h.actor, wish(other, "12345678")); err != nil {
		t.Fatal(err)
	}
	_, err := h.OfferPIN(t.Context(), h.actor, other)
	refused(t, err, grove.Conflict, "printer_on_lan")
}
