package fleet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/fleet"
)

const other = "01P00A000000002"

// watch lets somebody look at printers until the test ends.
func (h *house) watch(who grove.Actor, in fleet.Interest) *fleet.Lookout {
	h.t.Helper()
	l, err := h.LookOut(who, in)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(l.Stop)
	return l
}

// looks is what a lookout tells within half a second: a printer's serial and state, -
// before the serial of one that is gone.
func looks(t *testing.T, l *fleet.Lookout) string {
	t.Helper()
	seen, err := l.Next(t.Context(), time.Second/2)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, s := range seen {
		if s.Gone {
			words = append(words, "-"+s.Serial)
			continue
		}
		live := readLive(t, s.Live)
		words = append(words, s.Serial+" "+live.Shadow.State)
	}
	return strings.Join(words, " ")
}

func readLive(t *testing.T, b []byte) (live grove.Live) {
	t.Helper()
	if err := json.Unmarshal(b, &live); err != nil {
		t.Fatal(err)
	}
	return live
}

func (h *house) bindMore(serials ...string) {
	h.t.Helper()
	for _, s := range serials {
		if _, err := h.Bind(h.t.Context(), h.actor, fleet.Binding{Serial: s, Model: "P1S"}); err != nil {
			h.t.Fatal(err)
		}
	}
}

func says(state string, celsius int) []byte {
	return fmt.Appendf(nil, `{"print":{"command":"push_status","msg":0,"gcode_state":%q,"nozzle_temper":%d}}`, state, celsius)
}

func TestAViewerIsToldEveryChangeOfWhatItWatchesAndTheTurnsOfTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.bindMore(other)
		for _, s := range []string{serial, other} {
			h.Attach(s, &printer{})
			h.Observe(s, says("IDLE", 20))
		}
		l := h.watch(h.actor, fleet.Interest{Closely: []string{serial, "01P00A000000099"}})
		if all := l.All(); len(all) != 2 || readLive(t, all[0]).Serial != other || readLive(t, all[1]).Shadow.NozzleCelsius != 20 {
			t.Errorf("the fleet is %s", all)
		}
		if got := looks(t, l); got != "" {
			t.Errorf("nothing changed, and it tells %q", got)
		}
		for _, s := range []string{serial, other} {
			h.Observe(s, says("IDLE", 21))
		}
		if got := looks(t, l); got != serial+" IDLE" {
			t.Errorf("both are warmer: told %q", got)
		}
		for _, s := range []string{serial, other} {
			h.Observe(s, says("RUNNING", 22))
		}
		if got := looks(t, l); got != serial+" RUNNING "+other+" RUNNING" {
			t.Errorf("both began: told %q", got)
		}
	})
}

// Who watches a printer over MQTT is no word of the printer, which may say nothing for
// as long as nothing changes.
func TestWhoWatchesOverMQTTIsShownThoughThePrinterSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var users atomic.Int64
		h := newHouse(t, func(c *fleet.Config) {
			c.Clients = func(string) grove.Clients { return grove.Clients{Users: int(users.Load())} }
		})
		defer h.run()()
		h.Attach(serial, &printer{})
		h.Observe(serial, says("IDLE", 20))
		<-time.After(2 * time.Second) // what its coming brings about is over
		synctest.Wait()
		first, second := h.watch(h.actor, fleet.Interest{Only: serial}), h.watch(h.actor, fleet.Interest{Only: serial})
		shown := func(all []json.RawMessage) int { return readLive(t, all[0]).Details.Clients.Users }
		if n := shown(first.All()); n != 0 {
			t.Fatalf("%d watch", n)
		}
		users.Store(2)
		seen, err := first.Next(t.Context(), 3*time.Second)
		if err != nil || len(seen) != 1 || readLive(t, seen[0].Live).Details.Clients.Users != 2 {
			t.Errorf("whoever looked on was told %v, %v", seen, err)
		}
		if n := shown(second.All()); n != 2 {
			t.Errorf("whoever looks now is shown that %d watch", n)
		}
		<-time.After(2 * time.Second)
		if seen, err := first.Next(t.Context(), 3*time.Second); err != nil || len(seen) != 0 {
			t.Errorf("told again of nothing new: %v, %v", seen, err)
		}

		// One comes, is shown since the printer says something, and goes before anybody counts.
		<-time.After(300 * time.Millisecond)
		users.Store(3)
		h.Observe(serial, says("IDLE", 21))
		if seen, err := first.Next(t.Context(), 3*time.Second); err != nil || len(seen) != 1 || readLive(t, seen[0].Live).Details.Clients.Users != 3 {
			t.Fatalf("with what the printer says it is told %v, %v", seen, err)
		}
		users.Store(2)
		if seen, err := first.Next(t.Context(), 3*time.Second); err != nil || len(seen) != 1 || readLive(t, seen[0].Live).Details.Clients.Users != 2 {
			t.Errorf("of one that went before it was counted it is told %v, %v", seen, err)
		}
	})
}

// What may need a person shows also of a printer that nobody looks at closely.
func TestWhatShowsFromAfar(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*house, func(string)){
		"a job":            func(_ *house, say func(string)) { say(`"task_id":"77"`) },
		"an error":         func(_ *house, say func(string)) { say(`"print_error":83918929`) },
		"a health message": func(_ *house, say func(string)) { say(`"hms":[{"attr":50331904,"code":65537}]`) },
		"Developer Mode":   func(_ *house, say func(string)) { say(`"fun":"20000000"`) },
		"its name": func(h *house, _ func(string)) {
			name := "Lathe"
			if _, err := h.Change(h.t.Context(), h.actor, serial, fleet.Change{Name: &name}); err != nil {
				h.t.Error(err)
			}
		},
		"its tags": func(h *house, _ func(string)) {
			if _, err := h.Change(h.t.Context(), h.actor, serial, fleet.Change{Tags: &[]string{"hall"}}); err != nil {
				h.t.Error(err)
			}
		},
		"its plate":   func(h *house, _ func(string)) { h.Learn(grove.Printer{Serial: serial, PlateClear: true}) },
		"trouble":     func(h *house, _ func(string)) { h.Troubled(serial, errors.New("it is off")) },
		"a new link":  func(h *house, _ func(string)) { h.Attach(serial, &printer{}) },
		"a lost link": func(h *house, _ func(string)) { h.Attach(serial, &printer{})("gone") },
		"a firmware that says its model": func(h *house, _ func(string)) {
			h.Observe(serial, []byte(`{"info":{"command":"get_version","sequence_id":"0","module":[{"name":"ota","product_name":"Bambu Lab X1C","sw_ver":"01.08"}]}}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.Attach(serial, &printer{})
				h.Observe(serial, []byte(idle))
				l := h.watch(h.actor, fleet.Interest{})
				l.All()
				say := func(members string) {
					h.Observe(serial, []byte(`{"print":{"command":"push_status","msg":1,`+members+`}}`))
				}
				say(`"nozzle_temper":200,"mc_percent":7`)
				if got := looks(t, l); got != "" {
					t.Errorf("heat alone: told %q", got)
				}
				change(h, say)
				if got := looks(t, l); !strings.HasPrefix(got, serial) {
					t.Errorf("told %q", got)
				}
			})
		})
	}
}

func TestASlowViewerIsToldTheNewestAndNobodyMoreThanFourTimesASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := h.watch(h.actor, fleet.Interest{Only: serial})
		for n := range 1000 { // nobody reads, and no report waits
			h.Observe(serial, says("RUNNING", n))
		}
		seen, err := l.Next(t.Context(), time.Second)
		if err != nil || len(seen) != 1 || readLive(t, seen[0].Live).Shadow.NozzleCelsius != 999 {
			t.Fatalf("%d told, %v", len(seen), err)
		}
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for n := range 500 {
				<-tick.C
				h.Observe(serial, says("RUNNING", n))
			}
		}()
		told, last := 0, 0.0
		for began := time.Now(); time.Since(began) < 6*time.Second; {
			seen, err := l.Next(t.Context(), time.Second/2)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range seen {
				told++
				last = readLive(t, s.Live).Shadow.NozzleCelsius
			}
		}
		<-stop
		if told < 18 || told > 21 || last != 499 {
			t.Errorf("told %d times in five seconds, %v at the end", told, last)
		}
	})
}

func TestAViewerSeesWhatItMaySeeThisMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		bob := grove.Actor{Kind: grove.ActorUser, UserID: h.user(grove.User{Email: "b@example.org", Name: "B", Role: grove.Operator}).ID}
		mine, theirs := h.watch(h.actor, fleet.Interest{}), h.watch(bob, fleet.Interest{Closely: []string{serial}})
		mine.All()
		if all := theirs.All(); len(all) != 0 {
			t.Errorf("before it was shared: %s", all)
		}
		h.Observe(serial, says("RUNNING", 20))
		if got := looks(t, theirs); got != "" {
			t.Errorf("before it was shared: %q", got)
		}
		share, _, err := h.gate.Share(t.Context(), h.actor, access.ShareWish{Serial: serial, Email: "b@example.org", Role: grove.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		if got := looks(t, theirs); got != serial+" RUNNING" {
			t.Errorf("once it was shared: %q", got)
		}
		h.Observe(serial, says("RUNNING", 21))
		if got := looks(t, theirs); got != serial+" RUNNING" {
			t.Errorf("a report: %q", got)
		}
		if err := h.gate.Unshare(t.Context(), h.actor, share.ID); err != nil {
			t.Fatal(err)
		}
		h.Observe(serial, says("PAUSE", 22))
		if got := looks(t, theirs); got != "-"+serial {
			t.Errorf("once it was not shared any more: %q", got)
		}
		h.Observe(serial, says("RUNNING", 23))
		if got := looks(t, theirs); got != "" {
			t.Errorf("later: %q", got)
		}
		looks(t, mine)
		h.bindMore(other)
		if got := looks(t, mine); got != other+" " {
			t.Errorf("bound: %q", got)
		}
		if err := h.Unbind(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		if got := looks(t, mine); got != "-"+serial {
			t.Errorf("unbound: %q", got)
		}
	})
}

// A share that ends with its time ends for who looks on as well.
func TestAShareThatIsOverShowsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		bob := grove.Actor{Kind: grove.ActorUser, UserID: h.user(grove.User{Email: "b@example.org", Name: "B", Role: grove.Operator}).ID}
		_, _, err := h.gate.Share(t.Context(), h.actor, access.ShareWish{
			Serial: serial, Email: "b@example.org", Role: grove.Viewer, ExpiresAt: time.Now().Add(time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
		l := h.watch(bob, fleet.Interest{Only: serial})
		if all := l.All(); len(all) != 1 {
			t.Fatalf("shared: %s", all)
		}
		<-time.After(time.Minute)
		h.Observe(serial, says("RUNNING", 20))
		if got := looks(t, l); got != "" {
			t.Errorf("over: %q", got)
		}
		if err := h.gate.Rights.Refresh(t.Context()); err != nil { // as the gate does each second
			t.Fatal(err)
		}
		if got := looks(t, l); got != "-"+serial {
			t.Errorf("over: %q", got)
		}
	})
}

func TestAPrinterThatChangesHandsIsGoneForItsFormerOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		bob := h.claimant("b@example.org")
		h.Attach(serial, &printer{})
		h.Observe(serial, says("RUNNING", 20))
		mine, theirs := h.watch(h.actor, fleet.Interest{}), h.watch(bob, fleet.Interest{})
		mine.All()
		if _, err := h.Claim(t.Context(), bob, h.pin(h.actor)); err != nil {
			t.Fatal(err)
		}
		if got := looks(t, mine); got != "-"+serial {
			t.Errorf("the former owner is told %q", got)
		}
		if got := looks(t, theirs); got != serial+" " { // nothing of what it told before
			t.Errorf("the new owner is told %q", got)
		}
	})
}

func TestAViewerIsNotShownWhereAPrinterStandsThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Reach(&street{serial: other})
	if _, err := h.Add(t.Context(), h.actor, wish(other, "12345678")); err != nil {
		t.Fatal(err)
	}
	h.Observe(other, []byte(`{"print":{"command":"push_status","msg":0,"gcode_state":"IDLE","net":{"info":[{"ip":3003295936}]}}}`)) // 192.168.2.179
	h.Troubled(other, errors.New("nothing listens at 192.168.1.40"))
	h.CodeUsed(other, grove.Use{UsedAt: time.Now(), UsedFrom: "192.168.1.7", UsedBy: "hall", UsedOver: grove.OverMQTT})
	whole, part := h.watch(h.actor, fleet.Interest{Only: other}), h.watch(h.key(grove.ReadPrinter), fleet.Interest{Only: other})
	for range 2 { // written once, and given again
		if a := string(whole.All()[0]); !strings.Contains(a, `"host":"192.168.1.40"`) || !strings.Contains(a, `"addresses":["192.168.2.179"]`) || !strings.Contains(a, `"last_used_by":"hall"`) || strings.Contains(a, "12345678") {
			t.Errorf("the owner sees %s", a)
		}
		if a := string(part.All()[0]); strings.Contains(a, "192.168") || strings.Contains(a, "hall") || strings.Contains(a, "12345678") || !strings.Contains(a, `"details"`) {
			t.Errorf("who only looks sees %s", a)
		}
	}
	if all := h.watch(h.actor, fleet.Interest{}).All(); readLive(t, all[0]).Details != nil {
		t.Errorf("a list shows details: %s", all[0])
	}
	for who, shown := range map[*grove.Actor]bool{&h.actor: true, {Kind: grove.ActorKey, UserID: h.actor.UserID, SessionID: "key_1"}: false} {
		live, err := h.Live(t.Context(), *who, other)
		if err != nil || live.Details == nil || (len(live.Details.Addresses) > 0) != shown {
			t.Errorf("%s sees %+v, %v", who.Kind, live.Details, err)
		}
		report, err := h.Report(t.Context(), *who, other)
		if err != nil || strings.Contains(string(report.Report), "3003295936") != shown {
			t.Errorf("%s reads %s, %v", who.Kind, report.Report, err)
		}
	}
}

func TestHowMuchAndHowManyMayBeWatched(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.LookOut(h.actor, fleet.Interest{Closely: make([]string, 201)})
	refused(t, err, grove.Invalid, "too_many_watched")
	_, err = h.LookOut(h.actor, fleet.Interest{Only: "01P00A000000099"})
	refused(t, err, grove.NotFound, grove.ReasonPrinterNotFound)
	_, err = h.LookOut(grove.Actor{}, fleet.Interest{})
	refused(t, err, grove.Unauthenticated, grove.ReasonNoCredential)
	for n := range 49 {
		h.bindMore(fmt.Sprintf("01P00A0000001%02d", n))
	}
	l := h.watch(h.actor, fleet.Interest{Whole: true})
	l.All()
	h.Observe(serial, says("IDLE", 20))
	if got := looks(t, l); got != serial+" IDLE" {
		t.Errorf("of all, one that reported: %q", got)
	}
	h.bindMore(other)
	_, err = h.LookOut(h.actor, fleet.Interest{Whole: true})
	refused(t, err, grove.Invalid, "too_many_watched")
	for h.Viewers() < 100 {
		h.watch(h.actor, fleet.Interest{Only: serial})
	}
	_, err = h.LookOut(h.actor, fleet.Interest{Only: serial})
	refused(t, err, grove.Limited, "too_many_viewers")
}

func TestWhoStoppedLookingCostsNothing(t *testing.T) { // alone: allocations are counted
	h := newHouse(t)
	before := testing.AllocsPerRun(100, func() { h.Observe(serial, says("IDLE", 20)) })
	for range 10 {
		l, err := h.LookOut(h.actor, fleet.Interest{Whole: true})
		if err != nil {
			t.Fatal(err)
		}
		l.All()
		l.Stop()
	}
	if n := h.Viewers(); n != 0 {
		t.Errorf("%d still look", n)
	}
	if after := testing.AllocsPerRun(100, func() { h.Observe(serial, says("IDLE", 20)) }); after > before {
		t.Errorf("a report takes %v allocations, and took %v", after, before)
	}
}

// Who looks on learns by the server's clock that a printer says nothing, and that it
// speaks again.
func TestAPrinterThatFallsSilentIsToldAsStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.run()()
		p := &printer{}
		h.Attach(serial, p)
		h.Observe(serial, says("RUNNING", 20))
		l := h.watch(h.actor, fleet.Interest{})
		if readLive(t, l.All()[0]).Stale {
			t.Error("stale right after a report")
		}
		told := func(within time.Duration) (stale []bool) {
			t.Helper()
			for end := time.Now().Add(within); time.Now().Before(end); {
				seen, err := l.Next(t.Context(), time.Second)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range seen {
					stale = append(stale, readLive(t, s.Live).Stale)
				}
			}
			return stale
		}
		told(10 * time.Second) // of its camera, and its answers
		if got := told(105 * time.Second); len(got) != 0 {
			t.Errorf("before two minutes were over it was told %v", got)
		}
		if got := told(10 * time.Second); !slices.Equal(got, []bool{true}) {
			t.Errorf("after two minutes it was told %v", got)
		}
		h.Attach(serial, p) // connected anew, as the bridge does with one that says nothing
		for _, stale := range told(10 * time.Second) {
			if !stale {
				t.Error("a new link alone made it speak")
			}
		}
		h.Observe(serial, says("RUNNING", 20))
		if got := told(2 * time.Second); !slices.Equal(got, []bool{false}) {
			t.Errorf("when it spoke again it was told %v", got)
		}
		if live, err := h.Live(t.Context(), h.actor, serial); err != nil || live.Stale {
			t.Errorf("the API says stale of what was just heard: %v", err)
		}
	})
}

func TestWhetherThereAreToBePicturesIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.run()()
		l := h.watch(h.actor, fleet.Interest{})
		l.All()
		last := func() (live grove.Live) {
			t.Helper()
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
				seen, err := l.Next(t.Context(), time.Second)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range seen {
					live = readLive(t, s.Live)
				}
			}
			return live
		}
		h.Attach(serial, &printer{})
		if live := last(); live.Camera || !strings.Contains(live.NoCamera, "MQTT alone") {
			t.Errorf("by MQTT alone: %t, %q", live.Camera, live.NoCamera)
		}
		detach := h.Attach(serial, camera{&printer{}})
		if live := last(); !live.Camera || live.NoCamera != "" {
			t.Errorf("with a camera: %t, %q", live.Camera, live.NoCamera)
		}
		detach("off")
		if live := last(); live.Serial != serial || live.Camera || live.NoCamera != "" {
			t.Errorf("gone: %t, %q", live.Camera, live.NoCamera)
		}
	})
}
