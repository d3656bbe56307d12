package own

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/rest"
)

// jobHead are the columns of the table of jobs.
var jobHead = []string{
	"id", "created_at", "not_before", "started_at", "finished_at", "device_id", "device_name", "file_id", "file_name", "plate",
	"state", "failure", "why", "estimate_seconds", "print_seconds", "weight_grams", "length_meters", "materials",
}

// narrowed reads what [JobNarrow] says from a query.
func narrowed(v url.Values) (n JobNarrow, err error) {
	n = JobNarrow{Serial: v.Get("device_id"), FileID: v.Get("file_id"), Text: v.Get("text")}
	for word := range strings.SplitSeq(v.Get("state"), ",") {
		state := grove.JobState(word)
		if word != "" && !state.Known() {
			return n, grove.Errorf(grove.Invalid, "bad_state", "state is %q, and no job is ever that", word)
		}
		if word != "" {
			n.States = append(n.States, state)
		}
	}
	for name, at := range map[string]*time.Time{"from": &n.From, "to": &n.To} {
		text := v.Get(name)
		if text == "" {
			continue
		}
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			return n, grove.Errorf(grove.Invalid, "bad_time", "%s is %q; it must be a time as in 2026-01-31T12:00:00Z", name, text)
		}
	}
	return n, nil
}

func (f *face) exportJobs(w http.ResponseWriter, r *http.Request) {
	n, err := narrowed(r.URL.Query())
	if err != nil {
		rest.Fail(f.router, w, r, err)
		return
	}
	names, begun := map[string]string{}, false
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	begin := func() {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "text/csv; charset=utf-8")
			w.Header().Set("Content-Disposition", `attachment; filename="jobs.csv"`)
			_ = out.Write(jobHead) // an error stays for Error
		}
	}
	err = f.Queue.EachJob(r.Context(), rest.Actor(r.Context()), n.query(), func(j grove.Job) error {
		begin()
		if _, known := names[j.Serial]; !known {
			live, _ := f.Fleet.Live(r.Context(), rest.Actor(r.Context()), j.Serial) // one that is gone has no name
			names[j.Serial] = live.Name
		}
		return out.Write(jobRow(&j, names[j.Serial]))
	})
	if err != nil && !begun {
		rest.Fail(f.router, w, r, err)
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler) // half an export must not look like a whole one
	}
	begin()
	out.Flush()
}

// jobRow is a job as a row below jobHead.
func jobRow(j *grove.Job, printer string) []string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	printed := ""
	if !j.StartedAt.IsZero() && !j.FinishedAt.IsZero() {
		printed = strconv.Itoa(int(j.FinishedAt.Sub(j.StartedAt).Seconds()))
	}
	var materials []string
	for _, m := range j.Filaments {
		if !slices.Contains(materials, m.Type) {
			materials = append(materials, m.Type)
		}
	}
	return []string{
		j.TaskID(), at(j.CreatedAt), at(j.NotBefore), at(j.StartedAt), at(j.FinishedAt), inert(j.Serial), inert(printer), inert(j.FileID), inert(j.FileName), strconv.Itoa(j.Plate),
		string(j.State), inert(j.Failure), inert(j.Why), strconv.Itoa(j.EstimateSeconds), printed, number(j.WeightGrams), number(j.LengthMeters), inert(strings.Join(materials, " ")),
	}
}
