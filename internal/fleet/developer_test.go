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

// verify is how a printer refuses a command that its maker did not sign
// (OpenBambuAPI).
const verify = `"result":"failed","reason":"mqtt message verify failed","err_code":84033543`

// asks sends a command and gives the id that the printer got it under.
func (h *house) asks(p *printer, ask, arrives string) string {
	h.t.Helper()
	h.Request(h.t.Context(), h.actor, serial, []byte(ask), func(b []byte) { h.t.Errorf("%s is answered %s", ask, b) })
	return p.sequence(arrives)
}

func (h *house) developer() grove.DeveloperMode {
	h.t.Helper()
	live, err := h.Now(serial)
	if err != nil {
		h.t.Fatal(err)
	}
	return live.DeveloperMode
}

// A P1S does not say it, so its answers do.
func TestDeveloperModeShowsInWhatAPrinterAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	detach := h.Attach(serial, p)
	h.Observe(serial, []byte(idle))
	if got := h.developer(); got != grove.DeveloperUnknown {
		t.Errorf("before any command: %s", got)
	}
	id := h.asks(p, `{"print":{"command":"set_bed_temp","param":"60","sequence_id":"7"}}`, "gcode_line")
	seen := string(h.Observe(serial, []byte(`{"print":{"command":"gcode_line","sequence_id":"`+id+`",`+verify+`}}`)))
	for _, want := range []string{`"command":"set_bed_temp"`, `"sequence_id":"7"`, `"result":"failed"`, `"err_code":84033543`, "mqtt message verify failed", "0502-4007", "switch Developer Mode on"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the asker sees %s without %s", seen, want)
		}
	}
	if got := h.developer(); got != grove.DeveloperOff {
		t.Errorf("after a refusal: %s", got)
	}
	if err := h.Fit(serial); !grove.HasReason(err, "developer_mode_off") || !strings.Contains(err.Error(), "switch Developer Mode on") {
		t.Errorf("a print would begin: %v", err)
	}
	id = h.asks(p, `{"system":{"command":"ledctrl","led_node":"chamber_light","led_mode":"on"}}`, "ledctrl")
	h.Observe(serial, []byte(`{"system":{"command":"ledctrl","sequence_id":"`+id+`","result":"success"}}`))
	if got := h.developer(); got != grove.DeveloperOff {
		t.Errorf("after a command that needs no signature: %s", got)
	}
	id = h.asks(p, `{"print":{"command":"pause","sequence_id":"8"}}`, "pause")
	h.Observe(serial, []byte(`{"print":{"command":"pause","sequence_id":"`+id+`","result":"success"}}`))
	if got := h.developer(); got != grove.DeveloperOn {
		t.Errorf("after a command that was carried out: %s", got)
	}
	detach("cut")
	h.Attach(serial, p)
	if got := h.developer(); got != grove.DeveloperOn {
		t.Errorf("after a short absence: %s", got)
	}
	if _, err := h.Bind(t.Context(), h.actor, fleet.Binding{Serial: serial, Model: "P1S"}); err != nil {
		t.Fatal(err)
	}
	if got := h.developer(); got != grove.DeveloperUnknown {
		t.Errorf("bound anew, so that it may have been switched: %s", got)
	}
}

func TestWhatAPrinterSaysOfDeveloperModeCountsFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	for fun, want := range map[string]grove.DeveloperMode{"3EC1AFFF9CFF": grove.DeveloperOff, "3EC18FFF9CFF": grove.DeveloperOn} {
		h.Observe(serial, []byte(strings.Replace(idle, `"task_id"`, `"fun":"`+fun+`","task_id"`, 1)))
		for _, result := range []string{verify, `"result":"success"`} {
			id := h.asks(p, `{"print":{"command":"pause"}}`, "pause")
			h.Observe(serial, []byte(`{"print":{"command":"pause","sequence_id":"`+id+`",`+result+`}}`))
			if got := h.developer(); got != want {
				t.Errorf("fun %s and %s: %s", fun, result, got)
			}
		}
	}
}

// Some firmware drops what is not signed without a word.
func TestSilenceWithoutDeveloperModeIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.Attach(serial, &printer{})("end")
		for fun, explained := range map[string]bool{"3EC1AFFF9CFF": true, "3EC18FFF9CFF": false} {
			h.Observe(serial, []byte(strings.Replace(idle, `"task_id"`, `"fun":"`+fun+`","task_id"`, 1)))
			got, err := h.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"pause"}}`))
			if err != nil || got.Outcome != grove.CommandTimedOut || strings.Contains(got.Reason, "switch Developer Mode on") != explained {
				t.Errorf("fun %s: %+v %v", fun, got, err)
			}
		}
	})
}

// A success with a negative errno is none.
func TestAnErrnoIsARefusalInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		p := &printer{}
		defer h.Attach(serial, p)("end")
		for _, c := range []struct{ ask, sent, errno, words string }{
			{`{"print":{"command":"ams_change_filament","target":1}}`, "ams_change_filament", "-2", "chamber is too hot"},
			{`{"print":{"command":"ams_change_filament","target":1}}`, "ams_change_filament", "-9", "errno -9"},
		} {
			result := make(chan grove.CommandResult, 1)
			go func() {
				got, err := h.Command(t.Context(), h.actor, serial, []byte(c.ask))
				if err != nil {
					t.Error(err)
				}
				result <- got
			}()
			synctest.Wait()
			seen := h.Observe(serial, fmt.Appendf(nil, `{"print":{"command":%q,"sequence_id":%q,"result":"success","errno":%s}}`, c.sent, p.sequence(c.sent), c.errno))
			got := <-result
			if got.Outcome != grove.CommandRejected || !strings.Contains(got.Reason, c.words) || !strings.Contains(string(seen), c.words) {
				t.Errorf("errno %s: %+v, seen %s", c.errno, got, seen)
			}
		}
		if got := h.developer(); got != grove.DeveloperOn {
			t.Errorf("what it refuses for another reason it has looked at, and Developer Mode is %s", got)
		}
	})
}

func TestAnAnswerHasTheIDAsItWasWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	for given, want := range map[string]string{`"sequence_id":"20001",`: `"sequence_id":"20001"`, `"sequence_id":20001,`: `"sequence_id":20001`, ``: `"sequence_id":"0"`} {
		id := h.asks(p, `{"print":{`+given+`"command":"clean_print_error"}}`, "clean_print_error")
		seen := h.Observe(serial, []byte(`{"print":{"command":"clean_print_error","sequence_id":"`+id+`","result":"success"}}`))
		if !strings.Contains(string(seen), want) || strings.Contains(string(seen), id) {
			t.Errorf("with %s: %s", given, seen)
		}
	}
}

// One client's wish for silence is not everybody's.
func TestReportsAreNotStoppedForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		p := &printer{}
		defer h.Attach(serial, p)("end")
		h.Observe(serial, []byte(idle))
		before := len(p.commands())
		if got, err := h.Command(t.Context(), h.actor, serial, []byte(`{"pushing":{"command":"stop"}}`)); err != nil || got.Outcome != grove.CommandAccepted {
			t.Errorf("stop: %+v %v", got, err)
		}
		var seen string
		h.Request(t.Context(), h.actor, serial, []byte(`{"pushing":{"command":"start","sequence_id":"5"}}`), func(b []byte) { seen = string(b) })
		if len(p.commands()) != before || !strings.Contains(seen, `"command":"push_status"`) {
			t.Errorf("the printer got %v, the asker %q", p.commands()[before:], seen)
		}
		<-time.After(2 * time.Minute)
		h.asks(p, `{"pushing":{"command":"start"}}`, "start")
		if got := p.commands()[before:]; len(got) != 1 || got[0] != "start" {
			t.Errorf("a silent printer got %v", got)
		}
	})
}

// Whoever may watch a printer reads all that it answers, and its code opens it.
func TestTheAccessCodeIsNotReadByWhoWatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	id := h.asks(p, `{"system":{"command":"get_access_code","sequence_id":"3"}}`, "get_access_code")
	for _, sequence := range []string{id, "20007"} {
		seen := string(h.Observe(serial, []byte(`{"system":{"command":"get_access_code","sequence_id":"`+sequence+`","access_code":"12345678","result":"success"}}`)))
		if strings.Contains(seen, "12345678") || !strings.Contains(seen, `"result":"success"`) {
			t.Errorf("seen %s", seen)
		}
	}
}
