package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
)

func TestAPrinterChangesHandsOnlyForItsPresentCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	thief := h.user(grove.User{Email: "b@example.org", Name: "B", Role: grove.Operator})
	other := grove.Actor{Kind: grove.ActorUser, UserID: thief.ID}
	for _, code := range []string{"", "12345678"} {
		if _, err := h.Bind(t.Context(), other, fleet.Binding{Serial: serial, Code: code}); grove.AsError(err).Code != grove.Conflict {
			t.Errorf("with code %q: %v", code, err)
		}
	}
	p, err := h.db.Printer(t.Context(), serial)
	if err != nil {
		t.Fatal(err)
	}
	link := &printer{}
	h.Attach(serial, link)
	if _, err := h.Bind(t.Context(), other, fleet.Binding{Serial: serial, Code: string(p.AccessCode)}); err != nil {
		t.Fatal(err)
	}
	if owner, _ := h.Owner(serial); owner != thief.ID {
		t.Errorf("owner %d, want %d", owner, thief.ID)
	}
	if link.closed == "" {
		t.Error("the connection of the former binding goes on")
	}
}

func TestAnAccountHasSoManyPrinters(t *testing.T) {
	t.Parallel()
	h := newHouse(t) // with one already
	if h.Most != 10_000 {
		t.Errorf("an account may have %d printers", h.Most)
	}
	h.Most = 2
	bind := func(actor grove.Actor, serial string) *grove.Error {
		if _, err := h.Bind(t.Context(), actor, fleet.Binding{Serial: serial}); err != nil {
			return grove.AsError(err)
		}
		return nil
	}
	if err := bind(h.actor, "SECOND"); err != nil {
		t.Fatal(err)
	}
	if err := bind(h.actor, "THIRD"); err == nil || err.Code != grove.Conflict || err.Reason != "too_many_printers" {
		t.Errorf("one too many: %v", err)
	}
	if _, bound := h.Owner("THIRD"); bound {
		t.Error("one too many is bound")
	}
	if err := bind(h.actor, "SECOND"); err != nil {
		t.Errorf("one of them bound anew: %v", err)
	}
	other := h.user(grove.User{Email: "b@example.org", Role: grove.Operator})
	if err := bind(grove.Actor{Kind: grove.ActorUser, UserID: other.ID}, "THIRD"); err != nil {
		t.Errorf("another account: %v", err)
	}
	if err := h.Unbind(t.Context(), h.actor, "SECOND"); err != nil {
		t.Fatal(err)
	}
	if err := bind(h.actor, "FOURTH"); err != nil {
		t.Errorf("after unbinding one: %v", err)
	}
}

func TestAccessCodesCanNotBeGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		p, err := h.db.Printer(t.Context(), serial)
		if err != nil {
			t.Fatal(err)
		}
		u := h.user(grove.User{Email: "b@example.org", Role: grove.Operator})
		other := grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
		take := func(code string) *grove.Error {
			_, err := h.Bind(t.Context(), other, fleet.Binding{Serial: serial, Code: code})
			return grove.AsError(err)
		}
		for i := range 10 {
			if err := take(fmt.Sprintf("%08d", i)); err.Code != grove.Conflict {
				t.Fatalf("guess %d: %v", i, err)
			}
			<-time.After(time.Minute)
		}
		err2 := take(string(p.AccessCode))
		if err2.Code != grove.Limited || err2.RetryAfter != 14*time.Minute {
			t.Errorf("after ten wrong codes: %v, wait %v", err2, err2.RetryAfter)
		}
		if _, err := h.Bind(t.Context(), h.actor, fleet.Binding{Serial: serial}); err != nil {
			t.Errorf("the owner is locked out: %v", err)
		}
		<-time.After(err2.RetryAfter)
		if err := take("99999999"); err.Code != grove.Conflict {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestANewOwnerSeesNothingOfTheFormer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user(grove.User{Email: "b@example.org", Name: "B", Role: grove.Operator})
	h.Attach(serial, &printer{})
	h.Observe(serial, []byte(`{"print":{"command":"push_status","msg":0,"gcode_state":"IDLE","subtask_name":"secret part"}}`))
	p, err := h.db.Printer(t.Context(), serial)
	if err != nil {
		t.Fatal(err)
	}
	other := grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
	if _, err := h.Bind(t.Context(), other, fleet.Binding{Serial: serial, Code: string(p.AccessCode)}); err != nil {
		t.Fatal(err)
	}
	live, err := h.Live(t.Context(), other, serial)
	if err != nil {
		t.Fatal(err)
	}
	if live.Shadow.FileName != "" || live.Connected || strings.Contains(string(live.Raw), "secret") {
		t.Errorf("the new owner reads %q, connected %v, %s", live.Shadow.FileName, live.Connected, live.Raw)
	}
}
