package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile/sample"
)

// Whoever presses Print again, since something between the browser and the server lost
// the answer, has made one job.
func TestAPrintWhoseAnswerWasLostIsMadeOnce(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]http.HandlerFunc{
		"a gateway that gave up": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusGatewayTimeout)
			_, _ = io.WriteString(w, "<h1>504 Gateway Time-out</h1>")
		},
		"a page of somebody else's": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<h1>Please accept the terms of this network</h1>")
		},
		"an answer without words": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
		"an answer that broke off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "4000")
			_, _ = io.WriteString(w, `{"code":0,"data":[{"id":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, "--demo")
			f := before(t, c)
			as := c.calls()
			file := as.file("hook.gcode.3mf", sample.Model("N1"))
			v := visit(t, f.URL)
			v.excuse("status of 504", "status of 409", "ERR_")
			var asked atomic.Int32
			f.answer("/v1/grove-service/jobs", func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.URL.Path != "/v1/grove-service/jobs" {
					f.pass(w, r)
					return
				}
				switch asked.Add(1) {
				case 1:
					f.pass(httptest.NewRecorder(), r)
					lose(w, r)
				case 2: // the server is slow
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusConflict)
					_, _ = io.WriteString(w, `{"code":409,"message":"Conflict","details":{"cause":"repeat_running","reason":"the request of this key is being done at this moment"}}`)
				default:
					f.pass(w, r)
				}
			})
			v.signIn(demoEmail, demoPassword)
			v.sees("Desk A1 mini")
			v.open("/library/" + file)
			v.click("Print")
			v.sees("Copies")
			v.click("Print")
			v.sees("hook.gcode.3mf", "The server does not answer. It may have been done all the same")
			v.click("Print")
			v.sees("is being done at this moment")
			v.click("Print")
			v.sees("The job is made")
			list, err := as.Jobs(t.Context(), grovecloud.JobQuery{Text: "hook"}, grovecloud.Page{Limit: 10})
			if n := asked.Load(); err != nil || n != 3 || len(list.Items) != 1 {
				t.Errorf("asked %d times, there are the jobs %+v %v", n, list.Items, err)
			}
		})
	}
}
