package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// Op is an operation: its route, and what the documents say of it.
type Op struct {
	Route
	Tag     string
	Summary string
	About   string // a few sentences more
	Status  int    // of a good answer; 200 when 0
	// Strict refuses fields that are not known, also where none is.
	Strict bool
}

// Empty is the answer of operations that answer with nothing.
type Empty struct{}

// Handle mounts an operation. The input is a struct as huma has it: fields with
// path and query tags, and a Body. What the function returns is the body of the
// answer; its errors are told in the envelope.
func Handle[I, O any](rt *Router, op Op, fn func(context.Context, *I) (O, error)) {
	type output struct{ Body O }
	_, takes := reflect.TypeFor[I]().FieldByName("Body")
	op.Bodiless = op.Strict && !takes
	o := operation(op)
	if reflect.TypeFor[O]() == reflect.TypeFor[Empty]() {
		huma.Register(rt.api, o, func(ctx context.Context, in *I) (*struct{}, error) {
			_, err := fn(ctx, in)
			return nil, orNil(ctx, err)
		})
		return
	}
	huma.Register(rt.api, o, func(ctx context.Context, in *I) (*output, error) {
		body, err := fn(ctx, in)
		if err != nil {
			return nil, failed(ctx, err)
		}
		return &output{body}, nil
	})
	if op.Strict {
		rt.close(reflect.TypeFor[I]())
	}
	if op.Form != nil {
		op.Form.describe(rt.api.OpenAPI().Paths[op.Path].Post)
	}
}

// orNil keeps a nil error nil: a nil *failure in an error is not.
func orNil(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return failed(ctx, err)
}

// close makes the body of an input, and the objects in it, refuse unknown fields.
func (rt *Router) close(input reflect.Type) {
	f, ok := input.FieldByName("Body")
	if !ok {
		return
	}
	registry := rt.api.OpenAPI().Components.Schemas
	body := registry.Schema(f.Type, false, "")
	body.AdditionalProperties = false
	for _, member := range body.Properties {
		if part := registry.SchemaFromRef(member.Ref); part != nil {
			part.AdditionalProperties = false // what nobody knows, such as a criterion, is not left out silently
		}
	}
	if options, ok := registry.Map()["Options"]; ok && len(options.Required) > 0 {
		options.Required = nil // jobs have them all, requests those that matter
		options.PrecomputeMessages()
	}
}

// operation is op as huma wants it.
func operation(op Op) huma.Operation {
	status := op.Status
	if status == 0 {
		status = http.StatusOK
	}
	o := huma.Operation{
		OperationID: operationID(op.Route), Method: op.Method, Path: op.Path, DefaultStatus: status,
		Tags: []string{op.Tag}, Summary: op.Summary, Description: strings.TrimSpace(op.About + " " + whoMay(op.Route)),
		MaxBodyBytes: maxBody + 1, BodyReadTimeout: -1, // the gate has read the body already
		SkipValidateBody: op.Lenient,
		Metadata:         map[string]any{routeKey: op.Route},
		Responses:        map[string]*huma.Response{"default": errorResponse()},
	}
	credential, none := map[string][]string{securityName: {}}, map[string][]string{}
	switch {
	case op.Open:
		o.Security = []map[string][]string{none}
	case op.Loopback:
		o.Security = []map[string][]string{credential, none}
	default:
		o.Security = []map[string][]string{credential}
	}
	return o
}

// freshNote is said of every route that is [Route.Fresh].
const freshNote = "Only for people, within ten minutes of a sign-in or of `POST " + ConfirmPath + "`: else 403 with the cause `unconfirmed`."

// operationID is made of method and path: get-v1-user-service-my-tasks.
func operationID(r Route) string {
	id := strings.ToLower(r.Method) + strings.NewReplacer("/", "-", "{", "", "}", "", ".", "-", "$", "").Replace(r.Path)
	return strings.TrimRight(id, "-")
}

// formats are JSON alone, whatever a client says it accepts.
func formats() map[string]huma.Format {
	format := huma.Format{Marshal: encodeJSON, Unmarshal: readJSON}
	return map[string]huma.Format{"application/json": format, "json": format} // the second for its own errors, see retell
}

func encodeJSON(w io.Writer, v any) error {
	if f, ok := v.(*failure); ok && f.words != "" {
		_, err := io.WriteString(w, f.words)
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// Paging is what every list takes. Values out of range are refused. After visits
// each row once; pages and offsets count from the front, which moves.
type Paging struct {
	Place
	Limit int `query:"limit" minimum:"1" maximum:"100" doc:"How many on a page; 20 unless said."`
}

// VendorPaging is [Paging] as the vendor's clients send it. One that asks for more than
// a page holds gets a page, as there.
type VendorPaging struct {
	Place
	Limit int `query:"limit" minimum:"0" doc:"How many on a page; 20 unless said, and 100 at most."`
}

// Place is where a page begins.
type Place struct {
	Page   int    `query:"page" minimum:"1" maximum:"1000000" doc:"Which page, from 1."`
	Offset int    `query:"offset" minimum:"0" maximum:"100000000" doc:"How many to leave out at the front; wins over page."`
	After  string `query:"after" maxLength:"64" doc:"The last id already seen; wins over offset. Visits each row once, whatever is made meanwhile."`
}

// Want is the page asked for.
func (p Paging) Want() grove.Page { return p.want(p.Limit) }

// Want is the page asked for.
func (p VendorPaging) Want() grove.Page { return p.want(min(p.Limit, grove.MaxLimit)) }

func (p Place) want(limit int) grove.Page {
	return grove.Page{Page: max(p.Page, 1), Limit: cmp.Or(limit, grove.DefaultLimit), Offset: p.Offset, After: p.After}
}

// WantAll is the page asked for, or everything when none was.
func (p VendorPaging) WantAll() grove.Page {
	if p == (VendorPaging{}) {
		return grove.Page{}
	}
	return p.Want()
}

// errorResponse describes what every operation answers when it fails.
func errorResponse() *huma.Response {
	return &huma.Response{
		Description: "An error. `code` is 1001 to 1006 as documented, else the HTTP status; `details.reason` says what happened and what to do.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: schemaPrefix + reflect.TypeFor[cloudapi.Error]().Name()}}},
	}
}

// Need refuses a request in which one of the named texts is empty: pairs of name
// and text.
func Need(pairs ...string) error {
	missing := map[string]string{}
	var names []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			missing[pairs[i]] = "is required"
			names = append(names, pairs[i])
		}
	}
	if len(names) == 0 {
		return nil
	}
	e := grove.Errorf(grove.Invalid, "missing_field", "%s must be given and not be empty", strings.Join(names, " and "))
	e.Fields = missing
	return e
}

// Asked is a query as it was sent, for calls that answer whatever names they are
// asked.
type Asked struct {
	Pairs []Pair `json:"-"`
}

// Pair is one name and value of a query.
type Pair struct{ Name, Value string }

// Resolve is called by huma once the request is read.
func (a *Asked) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return []error{&huma.ErrorDetail{Location: "query", Message: "is not correctly escaped"}}
		}
		if name != "" {
			a.Pairs = append(a.Pairs, Pair{name, value})
		}
	}
	return nil
}

// Value is the first value of a name; empty when it was not asked.
func (a *Asked) Value(name string) string {
	for _, p := range a.Pairs {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
