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

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
)

// prints is a full report of a printer at a print that was begun at its screen, as
// printers tell of that: without a task.
func prints(state, file string) string { return printsJob(state, "0", "0", file) }

func printsJob(state, task, subtask, file string) string {
	return fmt.Sprintf(`{"print":{"command":"push_status","msg":0,"gcode_state":%q,"task_id":%q,"subtask_id":%q,"subtask_name":%q,"mc_percent":7}}`,
		state, task, subtask, file)
}

// shows is the print that the printer shows, as a command names it.
func (h *house) shows() string {
	h.t.Helper()
	live, err := h.Live(h.t.Context(), h.actor, serial)
	if err != nil {
		h.t.Fatal(err)
	}
	raw, err := json.Marshal(live.Expected())
	if err != nil {
		h.t.Fatal(err)
	}
	return string(raw)
}

func meantFor(command, which string) []byte {
	return []byte(`{"print":{"command":"` + command + `"},"expected_print":` + which + `}`)
}

func TestACommandForOnePrintReachesNoOther(t *testing.T) {
	t.Parallel()
	seen := printsJob("RUNNING", "7", "11", "cube")
	rest := printsJob("FINISH", "5", "9", "ball")
	cubes := prints("RUNNING", "cube")
	for name, c := range map[string]struct {
		before string   // reported before
		seen   string   // when the question was asked
		meant  string   // which print the command is for; empty: the one that was seen
		then   []string // reported before the answer
		want   string   // why it is refused; empty: it is sent
	}{
		"the same":                                 {seen: seen, then: []string{printsJob("PAUSE", "7", "11", "cube")}},
		"the next job":                             {seen: seen, then: []string{printsJob("RUNNING", "8", "12", "cube")}, want: "another_print"},
		"another begun after a rest":               {seen: cubes, then: []string{prints("IDLE", "cube"), prints("PREPARE", "ball")}, want: "another_print"},
		"the same file begun anew":                 {seen: cubes, then: []string{prints("FINISH", "cube"), cubes}, want: "another_print"},
		"the same job begun anew":                  {seen: seen, then: []string{printsJob("FAILED", "7", "11", "cube"), seen}, want: "another_print"},
		"over":                                     {seen: seen, then: []string{printsJob("FINISH", "7", "11", "cube")}, want: "print_over"},
		"failed":                                   {seen: seen, then: []string{printsJob("FAILED", "7", "11", "cube")}, want: "print_over"},
		"over, and the next over":                  {seen: cubes, then: []string{prints("FINISH", "cube"), cubes, prints("FINISH", "cube")}, want: "print_over"},
		"a file that comes late":                   {before: rest, seen: prints("PREPARE", ""), then: []string{prints("RUNNING", "cube")}},
		"a job that comes late":                    {before: rest, seen: printsJob("PREPARE", "5", "9", "ball"), then: []string{seen}},
		"a job that comes late and empty first":    {before: rest, seen: printsJob("PREPARE", "5", "9", "ball"), then: []string{prints("PREPARE", "ball"), seen}},
		"a job that comes late to whom nobody saw": {seen: printsJob("PREPARE", "5", "9", "ball"), then: []string{seen}},
		"a job that comes late, then the next":     {before: rest, seen: printsJob("PREPARE", "5", "9", "ball"), then: []string{seen, printsJob("RUNNING", "8", "12", "cube")}, want: "another_print"},
		"no job any more":                          {seen: seen, then: []string{cubes}},
		"another attempt":                          {seen: seen, then: []string{printsJob("RUNNING", "7", "12", "cube")}},
		"a state that nobody knows":                {seen: prints("ODD?", "cube"), meant: `{"task_id":"7"}`},
		"a print, then a state that nobody knows":  {seen: seen, then: []string{prints("ODD?", "cube")}},
		"no word of the job":                       {seen: printsJob("RUNNING", "", "", "cube"), meant: `{"task_id":"7"}`},
		"a run that never was":                     {seen: seen, meant: `{"run":99}`, want: "another_print"},
		"by its job":                               {seen: seen, meant: `{"task_id":"7"}`},
		"by its job, another":                      {seen: seen, meant: `{"task_id":"8"}`, want: "another_print"},
		"by its job, one begun at the screen":      {seen: cubes, meant: `{"task_id":"8"}`, want: "another_print"},
		"by both, the job comes late":              {before: rest, seen: printsJob("PREPARE", "5", "9", "ball"), meant: `{"run":1,"task_id":"7"}`},
		"by both, another":                         {seen: seen, meant: `{"run":2,"task_id":"7"}`, want: "another_print"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *fleet.Config) { c.Reply = time.Millisecond })
			p := &printer{}
			h.Attach(serial, p)
			if c.before != "" {
				h.Observe(serial, []byte(c.before))
			}
			h.Observe(serial, []byte(c.seen))
			meant := c.meant
			if meant == "" {
				meant = h.shows()
			}
			for _, report := range c.then {
				h.Observe(serial, []byte(report))
			}
			for _, command := range []string{"stop", "pause", "resume"} {
				h.orders(p, command, meant, c.want)
				if _, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"`+command+`"}}`)); err != nil || !slices.Contains(p.commands(), command) {
					t.Errorf("%s for whichever print: %v", command, err)
				}
			}
		})
	}
}

// orders gives a command for one print, which is to be refused for want, or sent.
func (h *house) orders(p *printer, command, meant, want string) {
	h.t.Helper()
	before := len(p.commands())
	_, err := h.Command(h.t.Context(), h.actor, serial, meantFor(command, meant))
	sent := slices.Contains(p.commands()[before:], command)
	switch {
	case sent != (want == ""):
		h.t.Errorf("%s: the printer got %v, %v", command, p.commands(), err)
	case want == "" && err != nil:
		h.t.Errorf("%s: refused: %v", command, err)
	case want != "" && (!errors.Is(err, grove.Conflict) || !grove.HasReason(err, want) || !strings.Contains(err.Error(), "nothing was sent")):
		h.t.Errorf("%s: %v, want %s", command, err, want)
	}
}

// A printer at rest may still have to be kept from a print, and nothing else is for one then.
func TestAtRestOnlyStopAndPauseAreSentForAJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *fleet.Config) { c.Reply = time.Millisecond })
	p := &printer{}
	h.Attach(serial, p)
	h.Observe(serial, []byte(printsJob("RUNNING", "7", "11", "cube")))
	heat := func(want string) {
		t.Helper()
		before := len(p.commands())
		_, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"set_bed_temp","param":"90"},"expected_print":{"task_id":"7"}}`))
		if refused := grove.HasReason(err, "print_over"); refused != (want != "") || !refused && err != nil || (len(p.commands()) == before) != refused {
			t.Errorf("heat: %v; the printer got %v", err, p.commands()[before:])
		}
	}
	heat("")
	h.Observe(serial, []byte(printsJob("FINISH", "7", "11", "cube")))
	heat("print_over")
	for _, job := range []string{"7", "8"} { // one that was there, and one that nobody saw
		for command, want := range map[string]string{"stop": "", "pause": "", "resume": "print_over"} {
			h.orders(p, command, `{"task_id":"`+job+`"}`, want)
		}
	}
	h.Await(serial, 7, time.Now(), time.Minute) // on its way, it counts as the print
	heat("")
	h.orders(p, "resume", `{"task_id":"8"}`, "print_over")
}

// Printers are silent for minutes after they took a start, and show the former print.
func TestAStartOnItsWayCanBeStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(c *fleet.Config) { c.Reply = time.Millisecond })
		defer h.run()()
		p := &printer{}
		h.Attach(serial, p)
		start := func(job int64) {
			t.Helper()
			h.Observe(serial, []byte(printsJob("FINISH", "5", "9", "ball")))
			synctest.Wait()
			if err := h.Start(t.Context(), fleet.Order{Serial: serial, JobID: job, NotAfter: time.Now().Add(time.Minute), Quiet: 300 * time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		start(7)
		h.orders(p, "stop", `{"task_id":"7"}`, "")
		h.orders(p, "stop", `{"task_id":"5"}`, "")
		h.Observe(serial, []byte(printsJob("PREPARE", "5", "9", "ball")))
		<-time.After(299 * time.Second)
		h.orders(p, "stop", `{"task_id":"7"}`, "")
		h.orders(p, "stop", `{"task_id":"8"}`, "another_print")
		<-time.After(time.Second)
		h.orders(p, "stop", `{"task_id":"7"}`, "another_print")

		start(11)
		h.Observe(serial, []byte(printsJob("RUNNING", "11", "12", "cube"))) // it shows
		h.orders(p, "stop", `{"task_id":"11"}`, "")
		h.Observe(serial, []byte(prints("RUNNING", "ball")))
		h.orders(p, "stop", `{"task_id":"11"}`, "another_print")

		for ago, want := range map[time.Duration]string{
			0: "", 299 * time.Second: "", 300 * time.Second: "another_print", 12 * time.Hour: "another_print", -time.Hour: "", // a clock set back
		} {
			h.Await(serial, 13, time.Now().Round(0).Add(-ago), 300*time.Second) // as a former process left it
			h.orders(p, "stop", `{"task_id":"13"}`, want)
		}
	})
}

func TestWhatAPrinterIsAtIsWaitedForAfterItComes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tells   string // after a second; empty: nothing
		command string
		want    string // why it is refused; empty: it is sent
	}{
		"the same":         {printsJob("RUNNING", "7", "11", "cube"), "stop", ""},
		"another":          {printsJob("RUNNING", "8", "12", "ball"), "stop", "another_print"},
		"over":             {printsJob("FINISH", "7", "11", "cube"), "stop", "print_over"},
		"silent, a stop":   {"", "stop", ""},
		"silent, a pause":  {"", "pause", ""},
		"silent, a resume": {"", "resume", "printer_silent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, func(c *fleet.Config) { c.Reply = time.Millisecond })
				leave := h.Attach(serial, &printer{})
				h.Observe(serial, []byte(printsJob("RUNNING", "7", "11", "cube")))
				meant := h.shows()
				leave("gone")
				p := &printer{}
				h.Attach(serial, p)
				if c.tells != "" {
					go func() {
						<-time.After(time.Second)
						h.Observe(serial, []byte(c.tells))
					}()
				}
				asked := time.Now()
				h.orders(p, c.command, meant, c.want)
				if d := time.Since(asked); d > 4*time.Second {
					t.Errorf("it took %v", d)
				}
				synctest.Wait()
			})
		})
	}
}

// Over MQTT the next message, a stop perhaps, is read only after this one is dealt with.
func TestOverMQTTWhatAPrinterIsAtIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		p := &printer{}
		h.Attach(serial, p)
		began := time.Now()
		replies := 0
		for message, refused := range map[string]int{
			`{"print":{"command":"resume"},"camera":{"command":"ipcam_timelapse","control":"enable"},"system":{"command":"ledctrl","led_node":"chamber_light","led_mode":"on"},"expected_print":{"task_id":"8"}}`: 3,
			`{"print":{"command":"stop"},"expected_print":{"task_id":"8"}}`: 0,
		} {
			replies = 0
			h.Request(t.Context(), h.actor, serial, []byte(message), func(b []byte) {
				if replies++; !strings.Contains(string(b), "has not told yet what it is at") {
					t.Errorf("told %s", b)
				}
			})
			if replies != refused {
				t.Errorf("%d refused of %s", replies, message)
			}
		}
		if d := time.Since(began); d > 0 {
			t.Errorf("it took %v", d)
		}
		if got := p.commands(); !slices.Contains(got, "stop") || slices.Contains(got, "resume") {
			t.Errorf("the printer got %v", got)
		}
	})
}

func TestPrintsAreToldApartOverARestart(t *testing.T) {
	t.Parallel()
	seen := printsJob("RUNNING", "7", "11", "cube")
	for name, c := range map[string]struct {
		stored []string
		then   string
		want   string // why what was meant before is refused after; empty: it is sent
	}{
		"the same":                {[]string{seen}, printsJob("PAUSE", "7", "11", "cube"), ""},
		"the next job":            {[]string{seen}, printsJob("RUNNING", "8", "12", "cube"), "another_print"},
		"at rest before":          {[]string{seen, printsJob("FINISH", "7", "11", "cube")}, seen, "another_print"},
		"over":                    {[]string{seen}, printsJob("FINISH", "7", "11", "cube"), "print_over"},
		"begun, and its job late": {[]string{printsJob("FINISH", "5", "9", "ball"), printsJob("PREPARE", "5", "9", "ball")}, seen, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *fleet.Config) { c.Reply = time.Millisecond })
			h.Attach(serial, &printer{})
			var meant string
			for _, report := range c.stored {
				h.Observe(serial, []byte(report))
				meant = h.shows()
			}
			h.run()()
			again := h.Config
			again.Registry = prometheus.NewRegistry()
			var err error
			if h.Fleet, err = fleet.New(t.Context(), again); err != nil {
				t.Fatal(err)
			}
			h.Join(h.turns, h.turns)
			if now := h.shows(); now != meant {
				t.Errorf("shown as %s, and as %s after a restart", meant, now)
			}
			p := &printer{}
			h.Attach(serial, p)
			h.Observe(serial, []byte(c.then))
			h.orders(p, "stop", meant, c.want)
			live, err := h.Live(t.Context(), h.actor, serial)
			if err != nil || strings.Contains(string(live.Raw), "grove_") {
				t.Errorf("%v; the report has what is ours: %s", err, live.Raw)
			}
		})
	}
}

// Who can't tell which print they saw gives the command for whichever.
func TestOfAPrinterThatToldNothingNoPrintIsShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.shows(); got != "{}" {
		t.Errorf("shown as %s", got)
	}
	h.Attach(serial, &printer{})
	h.Observe(serial, []byte(prints("FINISH", "cube")))
	if got := h.shows(); got != "{}" {
		t.Errorf("at rest since ever, shown as %s", got)
	}
	h.Observe(serial, []byte(`{"print":{"command":"push_status","msg":0,"gcode_state":"RUNNING","grove_noted":{"run":9}}}`))
	if got := h.shows(); got != `{"run":1}` {
		t.Errorf("at its first print, shown as %s", got)
	}
}

func TestARefusalForAnotherPrintSaysWhatRunsNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Attach(serial, &printer{})
	h.Observe(serial, []byte(prints("RUNNING", "cube")))
	meant := h.shows()
	h.Observe(serial, []byte(prints("FINISH", "cube")))
	h.Observe(serial, []byte(printsJob("RUNNING", "8", "12", "ball")))
	var replies []string
	h.Request(t.Context(), h.actor, serial, meantFor("stop", meant), func(b []byte) { replies = append(replies, string(b)) })
	if len(replies) != 1 || !strings.Contains(replies[0], `"fail"`) || !strings.Contains(replies[0], `is at \"ball\" by now (task 8, 7 %)`) {
		t.Errorf("told over MQTT %q", replies)
	}
	list, err := h.db.Audit(t.Context(), h.actor.UserID, grove.Page{Limit: 1})
	if err != nil || list.Items[0].Action != "printer.command_refused" || !strings.Contains(list.Items[0].Detail, "ball") {
		t.Errorf("the audit log has %+v, %v", list.Items, err)
	}
}

// slow is a database that takes its time with the audit log: meanwhile prints end.
type slow struct {
	fleet.Records

	meanwhile func()
}

func (s slow) AddAudit(ctx context.Context, acts ...grove.AuditEntry) error {
	s.meanwhile()
	return s.Records.AddAudit(ctx, acts...)
}

func TestWhatRunsIsLookedAtLast(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"stop", "resume"} { // one that nothing may hold up, and one that waits for the audit log
		var h *house
		h = newHouse(t, func(c *fleet.Config) {
			c.Records = slow{c.Records, func() { h.Observe(serial, []byte(printsJob("RUNNING", "8", "12", "ball"))) }}
		})
		p := &printer{}
		h.Attach(serial, p)
		h.Observe(serial, []byte(printsJob("RUNNING", "7", "11", "cube")))
		_, err := h.Command(t.Context(), h.actor, serial, meantFor(command, h.shows()))
		if !grove.HasReason(err, "another_print") || slices.Contains(p.commands(), command) {
			t.Errorf("%s: %v; the printer got %v", command, err, p.commands())
		}
	}
}

func TestWhatIsNoActOnAPrintTakesNoExpectedOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Attach(serial, &printer{})
	h.Observe(serial, []byte(prints("RUNNING", "cube")))
	for _, body := range []string{`"pushing":{"command":"pushall"}`, `"print":{"command":"gcode_file","param":"cube.gcode.3mf"}`} {
		_, err := h.Command(t.Context(), h.actor, serial, []byte(`{`+body+`,"expected_print":{"run":1}}`))
		if !errors.Is(err, grove.Invalid) || !grove.HasReason(err, "expected_print") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
