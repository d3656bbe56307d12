package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/store"
)

const (
	light = `{"system":{"command":"ledctrl","led_node":"chamber_light","led_mode":"on"}}`
	warm  = `{"print":{"command":"set_nozzle_temp","param":"220"}}`
	stop  = `{"print":{"command":"stop"}}`
)

// witness looks, as each command arrives, whether the audit log has it already.
type witness struct {
	h      *house
	refuse error
	seen   []string // commands, with their entries of that moment
}

func (w *witness) Close(string) {}

func (w *witness) Send(payload []byte, _ time.Time, _ func()) error {
	var m map[string]map[string]any
	if err := json.Unmarshal(payload, &m); err != nil {
		return err
	}
	for _, fields := range m {
		if fields["command"] == "pushall" || fields["command"] == "get_version" {
			continue
		}
		w.seen = append(w.seen, strings.Join(w.h.entries(fmt.Sprint(fields["sequence_id"])), " "))
	}
	return w.refuse
}

// entries are the actions, oldest first, about the command with this number.
func (h *house) entries(sequence string) (actions []string) {
	h.t.Helper()
	list, err := h.db.Audit(h.t.Context(), 0, grove.Page{})
	if err != nil {
		h.t.Error(err)
	}
	for _, e := range slices.Backward(list.Items) {
		if strings.Contains(e.Detail, "(sequence "+sequence) {
			actions = append(actions, e.Actor+":"+e.Action)
		}
	}
	return actions
}

func TestACommandIsInTheAuditLogBeforeItLeavesAndWithItsOutcomeAfter(t *testing.T) {
	t.Parallel()
	for _, command := range []string{light, warm, stop} {
		for outcome, refuse := range map[string]error{"printer.command_sent": nil, "printer.command_refused": errors.New("no room")} {
			h := newHouse(t)
			w := &witness{h: h, refuse: refuse}
			h.Attach(serial, w)
			h.Observe(serial, []byte(idle))
			h.Request(t.Context(), h.actor, serial, []byte(command), func([]byte) {})
			if want := h.actor.String() + ":printer.command"; len(w.seen) != 1 || w.seen[0] != want {
				t.Errorf("%s: as it arrives the log has %q, want %q", command, w.seen, want)
			}
			list, err := h.db.Audit(t.Context(), h.actor.UserID, grove.Page{Limit: 2})
			if err != nil || list.Items[0].Action != outcome || list.Items[1].Action != "printer.command" {
				t.Errorf("%s: afterwards it has %+v, %v", command, list.Items, err)
			}
			if refuse != nil && !strings.Contains(list.Items[0].Detail, "takes nothing more") {
				t.Errorf("%s: it does not say why: %q", command, list.Items[0].Detail)
			}
		}
	}
}

// broken is a database that keeps no entries: it refuses, or never answers.
type broken struct {
	*store.DB
	hang bool
	left int // so many times
}

func (b *broken) AddAudit(ctx context.Context, acts ...grove.AuditEntry) error {
	if b.left == 0 {
		return b.DB.AddAudit(ctx, acts...)
	}
	b.left--
	if b.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return grove.Errorf(grove.Unavailable, grove.ReasonDiskFull, "the disk is full")
}

func TestWithoutAnEntryOnlyWhatMakesAMachineSafeIsSent(t *testing.T) {
	for _, hang := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			p := &printer{}
			h.Attach(serial, p)
			h.Observe(serial, []byte(idle))
			sick := &broken{DB: h.db, hang: hang, left: 2}
			h.Records, h.turns.records = sick, sick
			for _, command := range []string{light, warm} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				if _, err := h.Command(ctx, h.actor, serial, []byte(command)); err == nil {
					t.Errorf("%s was sent without an entry", command)
				}
				cancel()
			}
			if got := strings.Join(p.commands(), " "); got != "get_version pushall" {
				t.Errorf("the printer heard %q", got)
			}
			sick.left = 1
			began := time.Now()
			h.Request(t.Context(), h.actor, serial, []byte(stop), func(b []byte) { t.Errorf("refused: %s", b) })
			if waited := time.Since(began); waited > time.Second/2 {
				t.Errorf("a stop waited %s for the database", waited)
			}
			id := p.sequence("stop")
			if id == "" {
				t.Fatal("a stop was held up by the database")
			}
			who := h.actor.String()
			if got, want := h.entries(id), []string{who + ":printer.command", who + ":printer.command_sent"}; !slices.Equal(got, want) {
				t.Errorf("the log has %q, want %q", got, want)
			}
		})
	}
}

func TestRefusedBindingsAndNamesLeaveNoEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before, err := h.db.Audit(t.Context(), 0, grove.Page{})
	if err != nil {
		t.Fatal(err)
	}
	bob := h.user(grove.User{Email: "b@example.org", Role: grove.Operator})
	actor := grove.Actor{Kind: grove.ActorUser, UserID: bob.ID}
	if err := h.Unbind(t.Context(), actor, serial); err == nil {
		t.Error("bob unbound ann's printer")
	}
	mine, other := "mine", "Other"
	if _, err := h.Change(t.Context(), actor, serial, fleet.Change{Name: &mine}); err == nil {
		t.Error("bob renamed ann's printer")
	}
	if _, err := h.Change(t.Context(), h.actor, serial, fleet.Change{Name: &other}); err != nil {
		t.Fatal(err)
	}
	after, err := h.db.Audit(t.Context(), h.actor.UserID, grove.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if after.Total != before.Total+1 || after.Items[0].Action != "printer.rename" || after.Items[0].Detail != "Other" {
		t.Errorf("got %+v", after.Items)
	}
}
