package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// player is one client on its way through its requests.
type player struct {
	*suite
	client  string
	header  map[string]string // that it sends every time
	own     string            // its own token; empty: it borrows the suite's
	refresh string            // that came with its own
}

// call is a request and what the client expects of the answer.
type call struct {
	step   string            // what the client does, as a person would say it
	at     string            // METHOD and path, with places in braces
	path   string            // what is asked for; empty: the path of at
	body   any               // sent as JSON; nil: nothing
	raw    io.Reader         // sent as it is, instead of body
	header map[string]string // beside the client's own; an empty value leaves one out
	open   bool              // sent without the token
	needs  []string          // reasons to skip it; empty ones don't count

	status []int               // 200 when empty
	reads  fields              // of a JSON answer; nil: the body is not read
	also   func(answer) string // what else is wrong, in words; empty: nothing
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   any
	broken error // why there is no JSON object in the body
}

func (a answer) str(path string) string { return str(a.json, path) }

// ask sends a request and records whether its answer holds. ok is false when the
// client could not go on with it.
func (p *player) ask(c call) (a answer, ok bool) {
	r := Result{Client: p.client, Step: c.step, Endpoint: c.at, Status: Skipped}
	if !c.open && p.bearer() == "" {
		c.needs = append(c.needs, "nobody could sign in")
	}
	if r.Reason = first(c.needs); r.Reason != "" {
		return a, p.note(r)
	}
	a, sent, err := p.send(c)
	r.Request, r.Expected, r.Got = sent, c.expected(), a.shown()
	if err != nil {
		r.Status, r.Got = Fails, err.Error()
		return a, p.note(r)
	}
	problems, empty := c.judge(a)
	switch {
	case len(problems) > 0:
		r.Status, r.Expected = Fails, strings.Join(problems[:min(6, len(problems))], "; ")
	case len(empty) > 0:
		r.Reason = strings.Join(empty, " and ") + " is empty, so nothing of it could be seen"
	default:
		r.Status, r.Request, r.Expected, r.Got = Holds, "", "", ""
	}
	p.note(r)
	return a, len(problems) == 0
}

// note records a result and reports whether it holds.
func (p *player) note(r Result) bool {
	p.report.Results = append(p.report.Results, r)
	return r.Status == Holds
}

// skip records a step that can't be tried.
func (p *player) skip(step, at, why string) {
	p.note(Result{Client: p.client, Step: step, Endpoint: at, Status: Skipped, Reason: why})
}

// check records a step that needs no further request: problem is empty if it holds.
func (p *player) check(step, at, expected, problem string) bool {
	r := Result{Client: p.client, Step: step, Endpoint: at, Status: Holds}
	if problem != "" {
		r.Status, r.Expected, r.Got = Fails, expected, problem
	}
	return p.note(r)
}

func first(reasons []string) string {
	for _, r := range reasons {
		if r != "" {
			return r
		}
	}
	return ""
}

// unless is a reason to skip when a value that is needed is not there.
func unless(value, reason string) string {
	if value == "" {
		return reason
	}
	return ""
}

func (p *player) bearer() string {
	if p.own != "" {
		return p.own
	}
	return p.token
}

// send makes the request, and once more if the server is only asking for patience.
func (p *player) send(c call) (a answer, sent string, err error) {
	var body []byte
	switch {
	case c.raw != nil:
		body, err = io.ReadAll(c.raw)
	case c.body != nil:
		body, err = json.Marshal(c.body)
	}
	if err != nil {
		return a, "", err
	}
	method, target := c.target(p.cfg.URL)
	for range 2 {
		if a, err = p.once(c, method, target, body); err != nil || a.status != http.StatusTooManyRequests || !p.patient(a) {
			break
		}
	}
	sent = method + " " + strings.TrimPrefix(target, p.cfg.URL)
	if c.body != nil {
		sent += " " + short(body)
	}
	return a, sent, err
}

// target is the method and the whole URL. A path may be a URL that the server gave.
func (c call) target(base string) (method, target string) {
	method, path, _ := strings.Cut(c.at, " ")
	if c.path != "" {
		path = c.path
	}
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return method, path
	}
	return method, base + path
}

func (p *player) once(c call, method, target string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(p.ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, set := range []map[string]string{p.header, c.header} {
		for name, value := range set {
			req.Header.Set(name, value)
			if value == "" {
				req.Header.Del(name)
			}
		}
	}
	if _, given := c.header["Authorization"]; !c.open && !given {
		req.Header.Set("Authorization", "Bearer "+p.bearer())
	}
	res, err := p.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, 4<<20))
	a.json, a.broken = decode(a.body)
	return a, err
}

// longestWait is how long a rate limit may hold up the run.
const longestWait = 90 * time.Second

// patient waits as long as a 429 asks for, if that is not too long.
func (p *player) patient(a answer) bool {
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	d := time.Duration(seconds) * time.Second
	return err == nil && d <= longestWait && p.wait(d)
}

// wait returns false when the run was ended meanwhile.
func (p *player) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

func (c call) statuses() []int {
	if len(c.status) == 0 {
		return []int{http.StatusOK}
	}
	return c.status
}

func (c call) expected() string {
	var all []string
	for _, s := range c.statuses() {
		all = append(all, strconv.Itoa(s))
	}
	return "HTTP " + strings.Join(all, " or ")
}

// judge holds an answer against what the client expects.
func (c call) judge(a answer) (problems, empty []string) {
	if !slices.Contains(c.statuses(), a.status) {
		return []string{c.expected()}, nil
	}
	if c.reads != nil {
		if a.broken != nil {
			return []string{"a JSON object: " + a.broken.Error()}, nil
		}
		v := c.reads.look(a.json)
		problems, empty = v.problems, v.empty
	}
	if c.also != nil {
		if wrong := c.also(a); wrong != "" {
			problems = append(problems, wrong)
		}
	}
	return problems, empty
}

func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the body is empty")
		}
		return nil, err
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, fmt.Errorf("it is %s", shown(v))
	}
	return v, nil
}

func (a answer) shown() string {
	if a.status == 0 {
		return "no answer"
	}
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", a.status, short(a.body)))
}

// cookie is the value of a cookie that the answer sets, if it would reach the
// server again: one for another domain is thrown away by clients.
func (a answer) cookie(name string) string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name && c.Domain == "" {
			return c.Value
		}
	}
	return ""
}

var secret = regexp.MustCompile(`("(?:password|accessToken|refreshToken|refreshtoken|token|code|tfaCode|tfaKey|dev_access_code|passwd|authkey|ticket|pincode)"\s*:\s*)"[^"]*"`)

// short is a body fit to be shown: without secrets and not for ever.
func short(body []byte) string {
	s := secret.ReplaceAllString(strings.ToValidUTF8(string(body), "?"), `$1"***"`)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = s[:400] + "…"
	}
	return s
}
