package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// foreign is somebody else's cloud: it has one file, takes one job, and says of
// it what it is told, the last answer again and again.
func foreign(t *testing.T, job ...http.HandlerFunc) (at place, args []string) {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/grove-service/files/f_1":
			_, _ = io.WriteString(w, `{"data":{"id":"f_1"}}`)
		case "/v1/grove-service/jobs":
			_, _ = io.WriteString(w, `{"data":[{"id":"7","state":"queued"}]}`)
		default:
			n := int(asked.Add(1)) - 1
			job[min(n, len(job)-1)](w, r)
		}
	}))
	t.Cleanup(s.Close)
	p := place{t: t, dir: t.TempDir()}
	token := filepath.Join(p.dir, "token.json")
	if err := os.WriteFile(token, []byte(`{"url":"`+s.URL+`","email":"a@example.org","token":"t"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return p, []string{"print", "f_1", "--on", "01P00A000000001", "--wait", "--every", "100ms", "--token-file", token}
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func refusal(status int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
	}
}

// ends runs a program to its end.
func ends(t *testing.T, c *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return ended.ExitCode(), out.String(), errs.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String(), errs.String()
}

func TestWaitingOutlivesTimesWithoutACloud(t *testing.T) {
	t.Parallel()
	p, args := foreign(t,
		refusal(http.StatusServiceUnavailable), refusal(http.StatusTooManyRequests, "Retry-After: 1"),
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		answer(`{"data":{"id":"7","state":"running","percent":40}}`), answer(`{"data":{"id":"7","state":"finished","percent":100}}`))
	code, stdout, stderr := ends(t, p.command("grove", args...))
	if code != 0 || stdout != "job 7  finished\n" {
		t.Errorf("exit code %d, %q", code, stdout)
	}
	for _, line := range []string{"job 7  waiting on: ", "job 7  running  40 %\n"} {
		if !strings.Contains(stderr, line) {
			t.Errorf("%q is not in %q", line, stderr)
		}
	}
}

func TestWaitingEndsWithWhatWillNotPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		last   http.HandlerFunc
		code   int
		stderr string
	}{
		{refusal(http.StatusNotFound), exitNotFound, "grove: not found"},
		{refusal(http.StatusUnauthorized), exitForbidden, "grove: unauthorized"},
		{refusal(http.StatusInternalServerError, "X-Request-Id: req_1"), exitInternal, "The request is req_1 in the server's log."},
		{answer(`{"data":{"id":"7","state":"failed"}}`), exitConflict, "grove: job 7 ended as failed: no reason was given\n"},
		{answer(`<html>`), exitInternal, "grove: the server's answer can't be understood"},
	} {
		p, args := foreign(t, c.last)
		if code, _, stderr := ends(t, p.command("grove", args...)); code != c.code || !strings.Contains(stderr, c.stderr) {
			t.Errorf("exit code %d, want %d with %q:\n%s", code, c.code, c.stderr, stderr)
		}
	}
}

func TestATestOfAWebhookThatDoesNotArriveIsAFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		delivery string
		code     int
		stderr   string
	}{
		{`"state":"delivered","last_status":200`, 0, ""},
		{`"state":"pending","last_status":500`, exitConflict, "grove: the test did not arrive, it was answered with 500; look later with: grove webhooks deliveries wh_1\n"},
		{`"state":"pending","last_error":"x.example could not be resolved"`, exitUnavailable, "grove: the test did not arrive, x.example could not be resolved; look"},
		{`"state":"pending"`, exitUnavailable, "there is no answer yet"},
	} {
		p, args := foreign(t, answer(`{"data":{"id":"dl_1","endpoint_id":"wh_1",`+c.delivery+`}}`))
		code, stdout, stderr := ends(t, p.command("grove", "webhooks", "test", "wh_1", args[len(args)-2], args[len(args)-1]))
		if code != c.code || !strings.Contains(stderr, c.stderr) || !strings.Contains(stdout, "dl_1") {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s%s", c.delivery, code, c.code, c.stderr, stdout, stderr)
		}
	}
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	p, args := foreign(t, refusal(http.StatusTooManyRequests, "Retry-After: 12"))
	code, _, stderr := ends(t, p.command("grove", "printers", args[len(args)-2], args[len(args)-1]))
	if code != exitUnavailable || !strings.Contains(stderr, "Try again in 12s.") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// An interrupt in the middle of a request is no failure of the network.
func TestAnInterruptLeavesTheJob(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	p, args := foreign(t, answer(`{"data":{"id":"7","state":"running"}}`), func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	c := p.command("grove", args...)
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(time.Minute):
		_ = c.Process.Kill()
		_ = c.Wait()
		t.Fatalf("nothing was asked: %s", said.String())
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // its exit code says more
	code, stderr := c.ProcessState.ExitCode(), said.String()
	if code != exitInterrupted || !strings.Contains(stderr, "The job goes on. Follow it with: grove jobs show 7\n") || strings.Contains(stderr, "grove: ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
