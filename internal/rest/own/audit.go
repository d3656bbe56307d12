package own

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountAudit(rt *rest.Router) {
	const tag = "audit"
	list := get("/audit", tag, "Who did what with this account and its printers")
	list.About = "With `all=true` what was done on the whole server, for those who run it. `act`, `actor` and `device_id` are for the list and the export alike."
	rest.Handle(rt, list, f.audit)
	export := fresh(get("/audit/export", tag, "The same, whole, newest first"))
	export.About = "As JSON, one entry a line; with `format=csv` as a table with a head. `all=true` as in the list."
	rest.Plain(rt, export, rest.Raw{Gives: "application/x-ndjson", Query: []string{"format", "all", "act", "actor", "device_id"}}, f.exportAudit)
}

// whose says whose acts the asker gets: their own, or with all everybody's, which
// is user 0.
func (f *face) whose(ctx context.Context, all bool) (int64, error) {
	actor := rest.Actor(ctx)
	if !all {
		return actor.UserID, nil
	}
	return 0, f.Access.Authorize(actor, grove.ReadAudit, grove.Resource{})
}

func (f *face) audit(ctx context.Context, in *struct {
	rest.Paging
	All    bool   `query:"all" doc:"Of the whole server."`
	Action string `query:"act" maxLength:"64" doc:"Only of this action, or of those that begin so: printer. is all that was done to printers."`
	Actor  string `query:"actor" maxLength:"128" doc:"Only what was done by these: user:1, key:<id>, printer:<serial>, system."`
	Serial string `query:"device_id" maxLength:"64" doc:"Only of this printer."`
},
) (cloudapi.Data[[]grove.AuditEntry], error) {
	user, err := f.whose(ctx, in.All)
	if err != nil {
		return cloudapi.Data[[]grove.AuditEntry]{}, err
	}
	list, err := f.Journal.Audit(ctx, user, in.Want(), grove.AuditFilter{Action: in.Action, Actor: in.Actor, Serial: in.Serial})
	return cloudapi.ListOf(list, in.Want()), err
}

// auditPage is how many entries are read at a time, so that an export of any length
// takes little memory and holds no transaction.
const auditPage = 500

func (f *face) exportAudit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	only := grove.AuditFilter{Action: q.Get("act"), Actor: q.Get("actor"), Serial: q.Get("device_id")}
	user, err := f.whose(r.Context(), q.Get("all") == "true")
	if err != nil {
		rest.Fail(f.router, w, r, err)
		return
	}
	media, write := "application/x-ndjson", jsonLines(w)
	switch format := q.Get("format"); format {
	case "", "json":
	case "csv":
		media, write = "text/csv; charset=utf-8", csvLines(w)
	default:
		rest.Fail(f.router, w, r, grove.Errorf(grove.Invalid, "bad_format", "format is %q; it must be json or csv", format))
		return
	}
	page := grove.Page{Limit: auditPage}
	for {
		list, err := f.Journal.Audit(r.Context(), user, page, only)
		if err != nil && page.After == "" {
			rest.Fail(f.router, w, r, err)
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // half an export must not look like a whole one
		}
		w.Header().Set("Content-Type", media)
		if write(list.Items) != nil || !list.More {
			return
		}
		page.After = strconv.FormatInt(list.Items[len(list.Items)-1].ID, 10)
	}
}

func jsonLines(w io.Writer) func([]grove.AuditEntry) error {
	enc := json.NewEncoder(w)
	return func(entries []grove.AuditEntry) error {
		for _, e := range entries {
			if err := enc.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
}

func csvLines(w io.Writer) func([]grove.AuditEntry) error {
	out, begun := csv.NewWriter(w), false
	return func(entries []grove.AuditEntry) error {
		if !begun {
			begun = true
			_ = out.Write([]string{"id", "at", "actor", "action", "device_id", "detail"}) // an error stays for Error
		}
		for _, e := range entries {
			_ = out.Write([]string{strconv.FormatInt(e.ID, 10), e.At.Format(time.RFC3339Nano), e.Actor, e.Action, e.Serial, inert(e.Detail)})
		}
		out.Flush()
		return out.Error()
	}
}

// inert is text that no spreadsheet takes for a formula: details repeat what
// clients called themselves.
func inert(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}
