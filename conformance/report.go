package conformance

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Status is what became of a step.
type Status string

// A step holds, or it fails, or it could not be tried.
const (
	Holds   Status = "holds"
	Fails   Status = "fails"
	Skipped Status = "skipped"
)

// Result is one step of one client.
type Result struct {
	Client   string `json:"client"`
	Step     string `json:"step"`
	Endpoint string `json:"endpoint"` // METHOD /path/with/{places}, or MQTT and a topic
	Status   Status `json:"status"`
	Reason   string `json:"reason,omitempty"`  // why it was skipped
	Request  string `json:"request,omitempty"` // as sent, without secrets
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"`
}

// Report is everything that a run found out.
type Report struct {
	Server  string   `json:"server"`
	Clients []Client `json:"clients"`
	Results []Result `json:"results"`
}

// Count is how many steps ended that way.
func (r Report) Count(s Status) int {
	n := 0
	for _, one := range r.Results {
		if one.Status == s {
			n++
		}
	}
	return n
}

// OK is true when something held and nothing failed. Steps may have been skipped.
func (r Report) OK() bool { return r.Count(Fails) == 0 && r.Count(Holds) > 0 }

// With is r together with what other runs found, such as those as accounts that sign
// in in other ways. A step that several runs played holds when it held somewhere and
// failed nowhere.
func (r Report) With(others ...Report) Report {
	for _, o := range others {
		r = r.join(o)
	}
	return r
}

func (r Report) join(o Report) Report {
	found := map[string]Result{}
	for _, one := range o.Results {
		if before, ok := found[one.key()]; !ok || one.outranks(before) {
			found[one.key()] = one
		}
	}
	out := Report{Server: r.Server}
	for _, c := range Clients() {
		played := func(other Client) bool { return other.Name == c.Name }
		if slices.ContainsFunc(r.Clients, played) || slices.ContainsFunc(o.Clients, played) {
			out.Clients = append(out.Clients, c)
		}
	}
	here := map[string]bool{}
	for _, one := range r.Results {
		here[one.key()] = true
		if other, ok := found[one.key()]; ok && other.outranks(one) {
			one = other
		}
		out.Results = append(out.Results, one)
	}
	for _, one := range o.Results {
		if !here[one.key()] {
			here[one.key()] = true
			out.Results = append(out.Results, found[one.key()])
		}
	}
	return out
}

func (r Result) key() string { return r.Client + "\x00" + r.Step + "\x00" + r.Endpoint }

// outranks reports whether r says more of a step than another result of it.
func (r Result) outranks(other Result) bool {
	order := []Status{Skipped, Holds, Fails}
	return slices.Index(order, r.Status) > slices.Index(order, other.Status)
}

// Table writes a line a step, and under it what was sent and came of those that
// fail.
func (r Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "STATUS\tCLIENT\tSTEP\tENDPOINT\tWHY")
	for _, one := range r.Results {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", one.Status, one.Client, one.Step, one.Endpoint, one.Reason)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, one := range r.Results {
		if one.Status == Fails {
			fmt.Fprintf(w, "\n%s: %s\n  sent      %s\n  expected  %s\n  got       %s\n", one.Client, one.Step, one.Request, one.Expected, one.Got)
		}
	}
	_, err := fmt.Fprintf(w, "\n%d hold, %d fail, %d skipped\n", r.Count(Holds), r.Count(Fails), r.Count(Skipped))
	return err
}

// Markdown writes the page of endpoints and clients. It names nothing that differs
// from run to run on servers that behave alike.
func (r Report) Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(preface)
	r.grid(&b)
	b.WriteString("\n## Clients\n\n| short | client | holds | fails | skipped |\n|---|---|---|---|---|\n")
	for _, c := range r.Clients {
		of := r.of(func(one Result) bool { return one.Client == c.Name })
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d |\n", c.Name, c.Full, of.Count(Holds), of.Count(Fails), of.Count(Skipped))
	}
	r.list(&b, "\n## What fails\n\n", Fails)
	r.list(&b, "\n## What was not tried\n\n", Skipped)
	_, err := io.WriteString(w, b.String())
	return err
}

const preface = `# Compatibility

Which clients of the vendor's cloud find what they read. Made by ` + "`grove conformance --markdown`" + `, which plays each client's own requests and checks every
field that client uses, with its type; a test compares this page with a fresh run. The clients are played, not run: what they send, read and break on is known from
their sources. Any server of the API can be tried: ` + "`grove conformance --url https://cloud.example.org --account me@example.org`" + `.
It says what a run found as the account that it was given: the run with a password alone, with ` + "`--with`" + ` what was found as an account that is sent codes
(` + "`--ask-code`" + `) and as one with an authenticator (` + "`--totp`" + `), says all of it. With nothing skipped the exit code is 0, otherwise 7.

*holds*: every step of that client there holds. *partly*: what was tried holds, and something could not be tried. *fails*: a step does not hold. *skipped*: nothing
could be tried. Empty: the client does not use it.

`

// grid writes endpoints down and clients across.
func (r Report) grid(b *strings.Builder) {
	fmt.Fprint(b, "| method | endpoint |")
	for _, c := range r.Clients {
		fmt.Fprintf(b, " %s |", c.Name)
	}
	fmt.Fprintf(b, "\n|---|---|%s\n", strings.Repeat("---|", len(r.Clients)))
	for _, at := range r.endpoints() {
		method, path, _ := strings.Cut(at, " ")
		fmt.Fprintf(b, "| %s | `%s` |", method, path)
		for _, c := range r.Clients {
			fmt.Fprintf(b, " %s |", r.of(func(one Result) bool { return one.Client == c.Name && one.Endpoint == at }).cell())
		}
		b.WriteString("\n")
	}
}

// endpoints are in the order of their paths.
func (r Report) endpoints() []string {
	var all []string
	for _, one := range r.Results {
		all = append(all, one.Endpoint)
	}
	slices.SortFunc(all, func(x, y string) int {
		mx, px, _ := strings.Cut(x, " ")
		my, py, _ := strings.Cut(y, " ")
		return cmp.Or(strings.Compare(px, py), strings.Compare(mx, my))
	})
	return slices.Compact(all)
}

func (r Report) of(which func(Result) bool) Report {
	var some Report
	for _, one := range r.Results {
		if which(one) {
			some.Results = append(some.Results, one)
		}
	}
	return some
}

func (r Report) cell() string {
	switch {
	case len(r.Results) == 0:
		return ""
	case r.Count(Fails) > 0:
		return "fails"
	case r.Count(Holds) == 0:
		return "skipped"
	case r.Count(Skipped) > 0:
		return "partly"
	}
	return "holds"
}

func (r Report) list(b *strings.Builder, heading string, s Status) {
	if r.Count(s) == 0 {
		return
	}
	b.WriteString(heading)
	for _, one := range r.Results {
		if one.Status != s {
			continue
		}
		_, path, _ := strings.Cut(one.Endpoint, " ")
		fmt.Fprintf(b, "- %s %s (`%s`)", one.Client, one.Step, path)
		if one.Reason != "" {
			fmt.Fprintf(b, ": %s", one.Reason)
		}
		b.WriteString("\n")
	}
}
