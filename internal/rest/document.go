package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/grovecloud/grove"
)

// groups say what each group of operations is about.
var groups = map[string]string{
	"Cloud: account":       "Signing in, profile and messages, as the vendor's clients ask.",
	"Cloud: files":         "Uploads, files and projects, as the vendor's clients ask.",
	"Cloud: model site":    "What clients ask of the vendor's site of models, of which there is nothing here.",
	"Cloud: printers":      "Printers bound, named, seen and given up, as the vendor's clients ask.",
	"Cloud: prints":        "Prints started and followed, as the vendor's clients ask.",
	"Cloud: slicer":        "Presets and spools of slicers.",
	"Grove: account":       "What one signs in with: password, codes, authenticator app, sessions.",
	"Grove: audit":         "Who did what.",
	"Grove: clock":         "The server's time, on which the start of jobs depends.",
	"Grove: events":        "What happened, as a list or as a stream.",
	"Grove: files":         "Files with what is in them.",
	"Grove: jobs":          "Jobs from queued to done.",
	"Grove: keys":          "API keys for programs.",
	"Grove: notifications": "What a person should know of.",
	"Grove: people":        "Invitations, and help for those who cannot sign in.",
	"Grove: printers":      "Printers as they are now, and commands to them.",
	"Grove: setup":         "The first account.",
	"Grove: shares":        "Printers shared with other accounts.",
	"Grove: bridges":       "What carries the printers of other networks.",
	"Grove: users":         "Accounts and their roles.",
	"Grove: webhooks":      "Events sent to other servers.",
	tagServer:              "Pages, health and figures.",
	tagLinks:               "What links in answers lead to. Their signature is the credential.",
}

// parameters are said once for all operations that say nothing of their own, or for
// one path where the name stands for something else there.
var parameters = map[string]string{
	"id": "Its id, as the list has it.", "serial": "The printer's serial number.", "ids": "Only these, by their ids.",
	"device_id": "The printer's serial number.", "dev_id": "The same as `device_id`, as some clients call it.",
	"deviceId": "Only of the printer with this serial number.", "dev_ids": "Serial numbers, separated by commas.",
	"Expires": "Until when the link works, in seconds since 1970.", "Signature": "What makes the link valid.",
	"picture": "Which one, such as `plate_1.png`.", "viewer": "Whom the link was made for.", "name": "The file's name.", "path": "Where it lies on the printer's storage.",
	"/v1/grove-service/events?order": "`oldest`, unless said, or `newest` first.",
	"last_event_id":                  "The id of the last event already seen, where the header can't be set.",
	"offset":                         "How many to leave out at the front.", "limit": "How many at most.", "after": "The last id already seen.",
	"User-Agent": "The client, as the list of sessions will call it.", "ticket": "The ticket.", "pin": "Six letters and digits, as the owner of the printer was told; in either case, with or without spaces.",
	"uid": "The number of an account.", "seed": "Tolerated: there is nothing to shuffle.",
	"category": "Only of this category.", "RFIDs": "Only those with these tags.", "format": "`json` or `csv`.", "all": "`true`: of the whole server.",
	"action": "Tolerated: `ticket` says it.", "unread": "Only what was not read.", "status": "Only jobs that stand so.",
	"watch":      "Serials of printers whose every change is wanted, separated by commas, or `*`.",
	headerOffset: "How many bytes are here already, so that the body goes on from there. Without it the body is the whole file.",
	"profileId":  "The number of a profile.", "instanceId": "Tolerated: there is no such thing here.",
	"file_id": "Only of this file.", "text": "Only whose file has this in its name, in upper or lower case.", "from": "Only made then or later.", "to": "Only made earlier.",
	"state": "Only in this state, or in several, separated by commas.", "order": "`newest` first, or as they stand in the `line`.",
	"/api/sign-in/ticket?to": "Where to lead the browser.",
}

// refusals are the errors that many operations share, by status.
var refusals = map[int]struct{ name, words string }{
	http.StatusBadRequest:            {"BadRequest", "The request can never succeed as it is; `details.fields` says where."},
	http.StatusUnauthorized:          {"Unauthorized", "No credential, or one that counts no more."},
	http.StatusForbidden:             {"Forbidden", "Whoever asks may not."},
	http.StatusNotFound:              {"NotFound", "There is no such thing, or none that whoever asks may see."},
	http.StatusRequestEntityTooLarge: {"TooLarge", "The body is larger than what is taken."},
	http.StatusUnsupportedMediaType:  {"UnsupportedMediaType", "The body is of no type that is taken."},
	http.StatusTooManyRequests:       {"TooManyRequests", "Too fast; `Retry-After` says how long to wait."},
}

// finish adds what reflection cannot know: errors, words, examples.
func finish(o *huma.OpenAPI) {
	correct(o.Components.Schemas.Map())
	o.Components.Responses = map[string]*huma.Response{}
	for _, refusal := range refusals {
		r := errorResponse()
		r.Description = refusal.words
		o.Components.Responses[refusal.name] = r
	}
	for path, item := range o.Paths {
		for _, op := range operations(item) {
			refuse(op)
			for _, p := range op.Parameters {
				p.Description = cmp.Or(p.Description, parameters[path+"?"+p.Name], parameters[p.Name])
			}
			exemplify(op)
		}
	}
	o.Tags = tags(o)
}

// correct mends what reflection gets wrong: huma's own error shape, which is never
// answered, numbers that are written as text, and what may be absent.
func correct(schemas map[string]*huma.Schema) {
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	if resources, ok := schemas["Resources"]; ok { // of a struct huma cannot say that it may be absent
		for _, name := range []string{"guide", "software"} {
			resources.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{resources.Properties[name], {Type: "null"}}}
		}
	}
	if job, ok := schemas["Job"]; ok {
		job.Properties["id"] = &huma.Schema{Type: huma.TypeString, Description: "A decimal number as text."}
	}
}

func operations(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

// refuse adds the errors that follow from what an operation takes.
func refuse(op *huma.Operation) {
	var statuses []int
	if len(op.Security[0]) > 0 {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
	}
	if len(op.Parameters) > 0 || op.RequestBody != nil {
		statuses = append(statuses, http.StatusBadRequest)
	}
	if slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "path" }) {
		statuses = append(statuses, http.StatusNotFound)
	}
	if op.RequestBody != nil && op.RequestBody.Content["application/json"] != nil {
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, status := range statuses {
		if code := strconv.Itoa(status); op.Responses[code] == nil {
			op.Responses[code] = &huma.Response{Ref: "#/components/responses/" + refusals[status].name}
		}
	}
}

// whoMay says who may ask an operation, as the router's own table has it.
func whoMay(route Route) string {
	rights := needs[route.Method+" "+route.Path]
	switch {
	case route.Open:
		return "No credential is needed."
	case route.Loopback:
		return "Open to this machine itself; from elsewhere an owner's credential is needed."
	case route.Fresh:
		return freshNote
	case len(rights) == 0:
		return "For people who signed in, not for API keys."
	case slices.Equal(rights, []grove.Action{grove.ReadAccount}):
		return "Any API key may ask."
	}
	words := make([]string, len(rights))
	for i, right := range rights {
		words[i] = "`" + string(right) + "`"
	}
	return "An API key needs " + strings.Join(words, " and ") + "."
}

// tags are the groups of operations: the faces in the order of their names, then
// the server's own.
func tags(o *huma.OpenAPI) []*huma.Tag {
	seen := map[string]bool{}
	for _, item := range o.Paths {
		for _, op := range operations(item) {
			seen[op.Tags[0]] = true
		}
	}
	out := make([]*huma.Tag, 0, len(seen))
	for name := range seen {
		out = append(out, &huma.Tag{Name: name, Description: groups[name]})
	}
	slices.SortFunc(out, func(a, b *huma.Tag) int { return strings.Compare(a.Name, b.Name) })
	return out
}
