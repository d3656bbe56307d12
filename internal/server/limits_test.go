package server

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove/internal/sim"
)

// The specification's four classes, counted on the real server.
func TestTheFourClassesOfLimitsCountExactly(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Limits = "spec"
	h := owned(t, c)
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	token := string(h.client.Token())

	// 10 status questions a minute and printer
	status := h.admitted(t, 12, http.MethodGet, "/v1/iot-service/api/user/device/info?device_id="+bench, token, "")
	if status != 10 {
		t.Errorf("%d status questions passed, want 10", status)
	}
	// 10 uploads an hour
	uploads := h.admitted(t, 12, http.MethodPost, "/v1/iot-service/api/user/upload", token, `{"filename":"a.gcode"}`)
	if uploads != 10 {
		t.Errorf("%d uploads passed, want 10", uploads)
	}
	// 1000 requests an hour: the binding above, the 20 admitted, and these
	requests := h.admitted(t, 1000, http.MethodGet, "/v1/user-service/my/profile", token, "")
	if total := requests + status + uploads + 1; total > 1000 || total < 995 {
		t.Errorf("%d requests passed in all, want 1000", total)
	}
	// stop is never limited
	if code, e, _ := h.raw(http.MethodPost, "/v1/grove-service/printers/"+bench+"/commands", token, `{"print":{"command":"stop"}}`); code != http.StatusOK {
		t.Errorf("a stop was refused: %d %+v", code, e)
	}
}

// admitted sends n requests and counts those that were not refused as too many.
// A refusal says how long to wait.
func (h *house) admitted(t *testing.T, n int, method, path, token, body string) int {
	t.Helper()
	passed := 0
	for range n {
		req, err := http.NewRequestWithContext(t.Context(), method, h.info.HTTP+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusTooManyRequests {
			passed++
			continue
		}
		wait, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || wait < 1 || res.Header.Get("X-RateLimit-Limit") == "" || res.Header.Get("X-RateLimit-Reset") == "" {
			t.Errorf("a refusal without a wait: %v", res.Header)
		}
	}
	return passed
}

// The 101st message in a minute is answered, and the connection stays.
func TestThe101stMessageIsToldToWait(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Limits = "spec"
	h := owned(t, c)
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	spy, publish := h.both(bench)
	for n := range 100 {
		publish(fmt.Sprintf(`{"print":{"command":"set_fan_speed","param":"50","sequence_id":"%d"}}`, n))
	}
	publish(`{"print":{"command":"set_fan_speed","param":"50","sequence_id":"100"}}`)
	publish(`{"print":{"command":"stop","sequence_id":"101"}}`)
	var limited, stopped bool
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !limited || !stopped {
		select {
		case report := <-spy:
			if strings.Contains(report, "rate limited, retry in ") {
				limited = true
				if !strings.Contains(report, `"sequence_id":"100"`) || !strings.Contains(report, `"result":"fail"`) {
					t.Fatalf("refused: %s", report)
				}
			}
			stopped = stopped || (strings.Contains(report, `"command":"stop"`) && strings.Contains(report, `"sequence_id":"101"`))
		case <-deadline.C:
			t.Fatalf("limited %v, stop passed %v", limited, stopped)
		}
	}
}
