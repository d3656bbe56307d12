package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A fan is set by keys to any speed with one command, and what it does is told apart
// from what it was asked for.
func TestAFanIsSetByKeys(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	var sent atomic.Int32
	var param atomic.Value
	held := make(chan struct{})
	f.answer("/commands", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var command struct {
			Print struct{ Command, Param string }
		}
		if err == nil {
			err = json.Unmarshal(body, &command)
		}
		if err != nil {
			t.Error(err)
		}
		param.Store(command.Print.Command + " " + command.Print.Param)
		sent.Add(1)
		r.Body = io.NopCloser(bytes.NewReader(body))
		select {
		case <-held:
			f.pass(w, r)
		case <-r.Context().Done():
		}
	})
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S", "Ready")
	v.open(idle)
	v.sees("Part fan")
	named := js[[]string](v, `[...document.querySelectorAll("input[type=range]")].map((e) => [...e.labels].map((l) => l.innerText.trim()).join())`)
	if strings.Join(named, ", ") != "Part fan, Auxiliary fan, Chamber fan" {
		t.Errorf("the sliders are called %q", named)
	}
	shown := `document.querySelector("#fan-part_fan").closest(".fan").querySelector("output").value`
	says := func(want string) {
		t.Helper()
		v.waits("the fan says "+want, func(string) bool { return js[string](v, shown) == want })
	}
	says("0 %")
	js[bool](v, `(document.querySelector("#fan-part_fan").focus(), true)`)
	for n := 10; n <= 60; n += 10 {
		v.key(kb.ArrowRight)
		if got := js[string](v, `document.querySelector("#fan-part_fan").value`); got != strconv.Itoa(n) {
			t.Fatalf("the slider is at %s, not %d", got, n)
		}
	}
	says("0 %, asked for 60 %")
	v.picture("fan-asked")
	close(held)
	v.sees("Part fan to 60 % done")
	says("60 %")
	if n, what := sent.Load(), param.Load(); n != 1 || what != "set_fan_speed 60" {
		t.Errorf("%d commands were sent, the last one %q", n, what)
	}
	f.answer("/commands", refuses)
	v.excuse("503")
	v.key(kb.ArrowRight)
	v.sees("Part fan to 70 %")
	says("60 %")
}

// refuses is what a printer that is away answers.
func refuses(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
	says(`{"code": 14, "message": "no", "details": {"cause": "offline", "reason": "printer is away"}}`)(w, nil)
}
