package fleet_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
)

// street is a network on which every address is the printer that it is told to be.
type street struct {
	mu      sync.Mutex
	serial  string // who answers where no serial is given
	fail    grove.LANStep
	tried   []grove.LAN
	changed []string
	during  func() // what happens while a printer is tried
}

func (s *street) Test(_ context.Context, l grove.LAN, _ grove.Secret, _ bool) grove.LANTest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if during := s.during; during != nil {
		s.during = nil
		s.mu.Unlock()
		during()
		s.mu.Lock()
	}
	s.tried = append(s.tried, l)
	t := grove.LANTest{Serial: l.Serial, Host: l.Host, Pin: "aa"}
	if t.Serial == "" {
		t.Serial = s.serial
	}
	f := grove.LANFinding{Step: grove.StepAccessCode, Verdict: grove.VerdictOK}
	if s.fail != "" {
		f = grove.LANFinding{Step: s.fail, Verdict: grove.VerdictFailed, Reason: "no_good", Found: "it is not well", Advice: "mend it"}
		t.Pin = ""
	}
	t.Findings = append(t.Findings, f)
	return t
}

func (s *street) Search(context.Context, grove.LANSearch) ([]grove.FoundPrinter, error) {
	return []grove.FoundPrinter{{Serial: "01P00A000000009"}, {Serial: serial}}, nil
}

func (s *street) Changed(serial string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = append(s.changed, serial)
}

func (s *street) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tried)
}

func wish(serial, code string) fleet.LANBinding {
	return fleet.LANBinding{Binding: fleet.Binding{Serial: serial, Code: code}, LAN: grove.LAN{Host: "192.168.1.40"}}
}

// key is a program of the owner's with these scopes, for all printers.
func (h *house) key(scopes ...grove.Action) grove.Actor {
	h.t.Helper()
	k := grove.Key{ID: "key_1", UserID: h.actor.UserID, Name: "x", Scopes: scopes, AllPrinters: true, Hash: "x", CreatedAt: time.Now()}
	if err := errors.Join(h.db.CreateKey(h.t.Context(), k), h.gate.Rights.Refresh(h.t.Context())); err != nil {
		h.t.Fatal(err)
	}
	return grove.Actor{Kind: grove.ActorKey, UserID: h.actor.UserID, SessionID: k.ID}
}

func refused(t *testing.T, err error, code grove.Code, reason string) {
	t.Helper()
	if !errors.Is(err, code) || !grove.HasReason(err, reason) {
		t.Errorf("got %v, want %s %s", err, code, reason)
	}
}

func TestSomebodyElsesPrinterIsNotTakenByItsAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	net := &street{serial: serial}
	h.Reach(net)
	other := h.user(grove.User{Email: "b@example.org", Name: "B", Role: grove.Admin})
	bob := grove.Actor{Kind: grove.ActorUser, UserID: other.ID}
	_, err := h.Add(t.Context(), bob, wish(serial, "87654321"))
	refused(t, err, grove.Conflict, "printer_bound")
	if net.calls() != 0 {
		t.Error("it was tried before it was asked whose it is")
	}
	_, err = h.Add(t.Context(), bob, wish("", "87654321")) // the address tells the serial
	refused(t, err, grove.Conflict, "printer_bound")
	live, err := h.Live(t.Context(), h.actor, serial)
	if err != nil || live.LAN != nil {
		t.Fatalf("the owner's printer: %+v %v", live.LAN, err)
	}
	b, err := h.Add(t.Context(), bob, wish(serial, string(live.AccessCode)))
	if err != nil || b.Printer.OwnerID != other.ID || b.Printer.LAN.Pin != "aa" {
		t.Errorf("with its present code: %+v %v", b.Printer, err)
	}
	if _, err := h.Live(t.Context(), h.actor, serial); !errors.Is(err, grove.NotFound) {
		t.Errorf("the former owner sees it: %v", err)
	}
}

func TestWhatChangedWhileAPrinterWasTriedStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	net := &street{}
	h.Reach(net)
	const fresh = "01P00A000000002"
	if _, err := h.Add(t.Context(), h.actor, wish(fresh, "12345678")); err != nil {
		t.Fatal(err)
	}
	h.Attach(fresh, &printer{}) // whoever guesses waits instead
	net.during = func() {
		if _, err := h.Pair(t.Context(), h.actor, fresh, fleet.Pairing{LAN: grove.LAN{Host: "192.168.1.41"}}); err != nil {
			t.Error(err)
		}
	}
	_, err := h.Pair(t.Context(), h.actor, fresh, fleet.Pairing{Code: "abcdefgh"})
	refused(t, err, grove.Conflict, "printer_changed")
	if l, code, _ := h.LAN(fresh); l.Host != "192.168.1.41" || code != "12345678" {
		t.Errorf("it is at %s", l.Host)
	}
}

func TestAPrinterThatFailsIsKeptByForceAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	net := &street{fail: grove.StepReachable}
	h.Reach(net)
	const fresh = "01P00A000000002"
	_, err := h.Add(t.Context(), h.actor, wish(fresh, "12345678"))
	refused(t, err, grove.Conflict, "no_good")
	if _, _, there := h.LAN(fresh); there {
		t.Error("it was kept")
	}
	w := wish(fresh, "12345678")
	w.Force = true
	if _, err := h.Add(t.Context(), h.actor, w); err != nil {
		t.Fatal(err)
	}
	l, code, there := h.LAN(fresh)
	if !there || l.Pin != "" || code != "12345678" {
		t.Errorf("kept as %+v %t", l, there)
	}
	_, err = h.Pair(t.Context(), h.actor, fresh, fleet.Pairing{Code: "abcdefgh", NewKey: true})
	refused(t, err, grove.Conflict, "no_good")
	if _, code, _ := h.LAN(fresh); code != "12345678" {
		t.Error("a code that was not tried was kept")
	}
	if err := h.Pinned(t.Context(), l, "bb"); err != nil {
		t.Fatal(err)
	}
	l.Pin = "bb"
	if err := h.Stranger(t.Context(), l, "cc"); err != nil {
		t.Fatal(err)
	}
	net.fail = ""
	w.Force = false
	if b, err := h.Add(t.Context(), h.actor, w); err != nil || !b.Printer.LAN.Quarantined() || b.Printer.LAN.Pin != "bb" {
		t.Errorf("to add it again ended the quarantine: %+v %v", b.Printer.LAN, err)
	}
	if b, err := h.Pair(t.Context(), h.actor, fresh, fleet.Pairing{LAN: grove.LAN{Host: "192.168.1.41"}}); err != nil || !b.Printer.LAN.Quarantined() {
		t.Errorf("to move it ended the quarantine: %+v %v", b.Printer.LAN, err)
	}
	if b, err := h.Pair(t.Context(), h.actor, fresh, fleet.Pairing{NewKey: true}); err != nil || b.Printer.LAN.Quarantined() || b.Printer.LAN.Pin != "aa" || b.Printer.LAN.Host != "192.168.1.41" {
		t.Errorf("paired: %+v %v", b.Printer.LAN, err)
	}
	acts, err := h.db.Audit(t.Context(), h.actor.UserID, grove.Page{})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, a := range acts.Items {
		if a.Serial == fresh {
			count[a.Action]++
		}
	}
	if count["printer.bind"] != 2 || count["printer.pair"] != 1 || count["printer.address"] != 1 {
		t.Errorf("the audit log has %v", count)
	}
	if len(net.changed) == 0 || net.changed[len(net.changed)-1] != fresh {
		t.Errorf("the network was told of %v", net.changed)
	}
}

func TestWhoOnlyLooksIsNotToldWhereItStands(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Reach(&street{})
	if _, err := h.Add(t.Context(), h.actor, wish("01P00A000000002", "12345678")); err != nil {
		t.Fatal(err)
	}
	key := h.key(grove.ReadPrinter)
	live, err := h.Live(t.Context(), key, "01P00A000000002")
	if err != nil || live.LAN != nil || live.AccessCode != "" {
		t.Errorf("a key that looks sees %+v %v", live.LAN, err)
	}
	_, err = h.Add(t.Context(), key, wish("01P00A000000003", "12345678"))
	refused(t, err, grove.Forbidden, "scope_missing")
	_, err = h.Search(t.Context(), key, grove.LANSearch{})
	refused(t, err, grove.Forbidden, "scope_missing")
	found, err := h.Search(t.Context(), h.actor, grove.LANSearch{})
	if err != nil || len(found) != 2 || found[0].Serial != serial || !found[0].Bound || found[1].Bound {
		t.Errorf("found %+v %v", found, err)
	}
	_, err = h.Test(t.Context(), h.actor, serial)
	refused(t, err, grove.NotFound, "not_on_lan")
}

func TestWhereAPrinterStandsIsNotForThoseWhoOnlySeeIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Reach(&street{serial: serial})
	if _, err := h.Add(t.Context(), h.actor, wish(serial, "12345678")); err != nil {
		t.Fatal(err)
	}
	h.Troubled(serial, grove.Errorf(grove.Unavailable, "x", "nothing listens at 192.168.1.40:8883"))
	looks := h.key(grove.ReadPrinter, grove.ControlPrinter)
	live, err := h.Live(t.Context(), looks, serial)
	if err != nil {
		t.Fatal(err)
	}
	if live.LAN != nil || live.Trouble != "nothing listens at its address:8883" {
		t.Errorf("told %q, %+v", live.Trouble, live.LAN)
	}
	if _, err = h.Command(t.Context(), looks, serial, []byte(`{"print":{"command":"pause"}}`)); err == nil || strings.Contains(err.Error(), "192.168") {
		t.Errorf("a command tells %v", err)
	}
	if live, err = h.Live(t.Context(), h.actor, serial); err != nil || !strings.Contains(live.Trouble, "192.168.1.40") {
		t.Errorf("the owner is told %q, %v", live.Trouble, err)
	}
}

func TestAKeyLearnedOfAnotherPlaceOrOwnerIsNotKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Reach(&street{fail: grove.StepReachable})
	other := h.user(grove.User{Email: "b@example.org", Name: "B", Role: grove.Admin})
	bob := grove.Actor{Kind: grove.ActorUser, UserID: other.ID}
	const fresh = "01P00A000000002"
	add := func(actor grove.Actor, host string) grove.LAN {
		t.Helper()
		w := wish(fresh, "12345678")
		w.Force, w.Host = true, host
		if _, err := h.Add(t.Context(), actor, w); err != nil {
			t.Fatal(err)
		}
		l, _, _ := h.LAN(fresh)
		return l
	}
	is := func(pin, stranger string) {
		t.Helper()
		rows, err := h.db.LANs(t.Context())
		if err != nil || len(rows) != 1 || rows[0].Pin != pin || rows[0].StrangerPin != stranger {
			t.Errorf("stored %+v %v, want key %q and stranger %q", rows, err, pin, stranger)
		}
		if l, _, _ := h.LAN(fresh); l.Pin != pin || l.StrangerPin != stranger {
			t.Errorf("known as %+v, want key %q and stranger %q", l, pin, stranger)
		}
	}
	before := add(h.actor, "192.168.1.40")
	moved := add(h.actor, "192.168.1.41")
	refused(t, h.Pinned(t.Context(), before, "old address"), grove.Conflict, "printer_changed")
	is("", "")
	taken := add(bob, "192.168.1.41")
	refused(t, h.Pinned(t.Context(), moved, "former owner"), grove.Conflict, "printer_changed")
	is("", "")
	if err := h.Pinned(t.Context(), taken.Complete(), "bb"); err != nil {
		t.Fatal(err)
	}
	refused(t, h.Pinned(t.Context(), taken, "cc"), grove.Conflict, "printer_changed")
	for why, at := range map[string]grove.LAN{"old address": before, "former owner": moved, "no key then": taken} {
		if err := h.Stranger(t.Context(), at, why); err != nil {
			t.Errorf("%s: %v", why, err)
		}
	}
	is("bb", "")
	now, _, _ := h.LAN(fresh)
	if err := h.Stranger(t.Context(), now, "dd"); err != nil {
		t.Fatal(err)
	}
	is("bb", "dd")
}
