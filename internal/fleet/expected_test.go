package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
	for name, c := range map[string]struct {
		seen  string   // when the question was asked
		meant string   // which print the command is for; empty: the one that was seen
		then  []string // reported before the answer
		want  string   // why it is refused; empty: it is sent
	}{
		"the same":                    {seen: seen, then: []string{printsJob("PAUSE", "7", "11", "cube")}},
		"the next job":                {seen: seen, then: []string{printsJob("RUNNING", "8", "12", "cube")}, want: "another_print"},
		"another attempt":             {seen: seen, then: []string{printsJob("RUNNING", "7", "12", "cube")}, want: "another_print"},
		"another begun at the screen": {seen: prints("RUNNING", "cube"), then: []string{prints("RUNNING", "ball")}, want: "another_print"},
		"the same file begun anew":    {seen: prints("RUNNING", "cube"), then: []string{prints("FINISH", "cube"), prints("RUNNING", "cube")}, want: "another_print"},
		"over":                        {seen: seen, then: []string{printsJob("FINISH", "7", "11", "cube")}, want: "print_over"},
		"failed":                      {seen: seen, then: []string{printsJob("FAILED", "7", "11", "cube")}, want: "print_over"},
		"a state that nobody knows":   {seen: prints("ODD?", "cube")},
		"nothing is known":            {seen: `{"print":{"command":"push_status","msg":0}}`, meant: `{"task_id":"7"}`},
		"no word of the task":         {seen: printsJob("RUNNING", "", "", "cube"), meant: `{"task_id":"7"}`},
		"by its job":                  {seen: seen, meant: `{"task_id":"7"}`},
		"by its job, another":         {seen: seen, meant: `{"task_id":"8"}`, want: "another_print"},
		"by its file":                 {seen: prints("RUNNING", "cube"), meant: `{"file_name":"cube"}`},
		"by its file, another":        {seen: prints("RUNNING", "cube"), meant: `{"file_name":"ball"}`, want: "another_print"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, command := range []string{"stop", "pause", "resume"} {
				h := newHouse(t, func(c *fleet.Config) { c.Reply = time.Millisecond })
				p := &printer{}
				h.Attach(serial, p)
				h.Observe(serial, []byte(c.seen))
				meant := c.meant
				if meant == "" {
					meant = h.shows()
				}
				for _, report := range c.then {
					h.Observe(serial, []byte(report))
				}
				_, err := h.Command(t.Context(), h.actor, serial, meantFor(command, meant))
				switch {
				case slices.Contains(p.commands(), command) != (c.want == ""):
					t.Errorf("%s: the printer got %v", command, p.commands())
				case c.want == "" && err != nil:
					t.Errorf("%s: refused: %v", command, err)
				case c.want != "" && (!errors.Is(err, grove.Conflict) || !grove.HasReason(err, c.want) || !strings.Contains(err.Error(), "nothing was sent")):
					t.Errorf("%s: %v, want %s", command, err, c.want)
				}
				if _, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"`+command+`"}}`)); err != nil || !slices.Contains(p.commands(), command) {
					t.Errorf("%s for whichever print: %v", command, err)
				}
			}
		})
	}
}

func TestARefusalForAnotherPrintSaysWhatRunsNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Attach(serial, &printer{})
	h.Observe(serial, []byte(prints("RUNNING", "cube")))
	meant := h.shows()
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
			c.Records = slow{c.Records, func() { h.Observe(serial, []byte(prints("RUNNING", "ball"))) }}
		})
		p := &printer{}
		h.Attach(serial, p)
		h.Observe(serial, []byte(prints("RUNNING", "cube")))
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
		_, err := h.Command(t.Context(), h.actor, serial, []byte(`{`+body+`,"expected_print":{"file_name":"cube"}}`))
		if !errors.Is(err, grove.Invalid) || !grove.HasReason(err, "expected_print") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
