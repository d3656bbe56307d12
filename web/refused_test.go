package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// What is refused is told, whatever was asked for, and in words for whoever has no terminal.
func TestARefusalIsTold(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	as := c.calls()
	as.file("tower.gcode.3mf")
	v := visit(t, f.URL)
	v.excuse("status of 4")
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S", "Ready")
	no := func(reason string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusConflict)
			says(`{"code": 9, "message": "no", "details": {"cause": "no", "reason": "`+reason+`"}}`)(w, r)
		}
	}
	f.answer("/commands", no("the printer has another code (grove printers pair SERIAL --new-code). It can be watched"))
	v.open(idle)
	v.click("Chamber light")
	v.sees("Light off: refused", "The printer has another code. It can be watched")
	if text := v.text(); strings.Contains(text, "--new-code") {
		t.Errorf("people are told what to type in a terminal: %s", text)
	}
	f.answer("/device/info", no("the code is not for you"))
	v.open(idle + "/health")
	v.click("Show")
	v.sees("Access code: refused", "The code is not for you")
	v.open("/library")
	v.sees("tower.gcode.3mf")
	f.answer("/grove-service/files/", no("the file is gone"))
	v.click("More for tower.gcode.3mf")
	v.click("Download")
	v.sees("Download of tower.gcode.3mf: refused", "The file is gone")
	v.picture("refused")
}
