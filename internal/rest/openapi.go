package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/grovecloud/grove/cloudapi"
)

const (
	schemaPrefix = "#/components/schemas/"
	securityName = "bearer"
	tagServer    = "Server"
)

// describe is huma's configuration: JSON in our envelope, no routes of its own.
func describe(c Config) huma.Config {
	registry := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[cloudapi.Int](), reflect.TypeFor[looseInt]())
	registry.Schema(reflect.TypeFor[cloudapi.Error](), true, "")
	version := c.Version
	if version == "" {
		version = "dev"
	}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Grove", Version: version,
				Description: "The Cloud API as its known clients speak it, and Grove's own API under /v1/grove-service. " +
					"Every path also answers under /api/v1. Every answer carries X-Request-Id; answers to a credential carry X-RateLimit-Limit, -Remaining and -Reset.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					securityName: {Type: "http", Scheme: "bearer", Description: "The accessToken of POST /v1/user-service/user/login."},
				},
			},
		},
		Formats: formats(), DefaultFormat: "application/json",
		Transformers: []huma.Transformer{retell},
	}
	config.AllowAdditionalPropertiesByDefault = true
	if c.PublicURL != "" {
		config.Servers = []*huma.Server{{URL: c.PublicURL}}
	}
	return config
}

// Either is the answer of a path that has two uses: one of the two is set.
type Either[A, B any] struct {
	One   *A
	Other *B
}

// MarshalJSON writes the one that is set.
func (e Either[A, B]) MarshalJSON() ([]byte, error) {
	var set any = e.Other
	if e.One != nil {
		set = e.One
	}
	var b bytes.Buffer
	err := encodeJSON(&b, set)
	return b.Bytes(), err
}

// Schema is called by huma, to describe both. An answer may fit both, since
// fields that are not named are allowed, so that it is any of them.
func (Either[A, B]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[A](), true, ""), r.Schema(reflect.TypeFor[B](), true, ""),
	}}
}

// looseInt stands for cloudapi.Int in the description.
type looseInt struct{}

// Schema says that a number may come as text.
func (looseInt) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A whole number, as a number or as decimal text.",
		OneOf:       []*huma.Schema{{Type: huma.TypeInteger, Format: "int64"}, {Type: huma.TypeString}},
	}
}

// Raw says what a plain handler takes and gives, which reflection cannot see:
// media types (empty: no body), query parameters, statuses beside 200.
type Raw struct {
	Takes, Gives string
	Query        []string
	Also         map[int]string
}

// Plain mounts a handler beside huma, for bodies that are large or not JSON, and
// describes it.
func Plain(rt *Router, op Op, raw Raw, h http.HandlerFunc) {
	op.Streams = true
	rt.mount(op.Route, h)
	o := operation(op)
	o.Metadata = nil
	o.Path = strings.TrimSuffix(o.Path, "{$}")
	raw.describe(&o)
	rt.api.OpenAPI().AddOperation(&o)
}

func (raw Raw) describe(o *huma.Operation) {
	text := &huma.Schema{Type: huma.TypeString}
	good := &huma.Response{Description: "OK"}
	if raw.Gives != "" {
		good.Content = map[string]*huma.MediaType{raw.Gives: {Schema: text}}
	}
	o.Responses["200"] = good
	for status, description := range raw.Also {
		o.Responses[strconv.Itoa(status)] = &huma.Response{Description: description}
	}
	if raw.Takes != "" {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			raw.Takes: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}
	}
	for part := range strings.SplitSeq(o.Path, "/") {
		if strings.HasPrefix(part, "{") {
			o.Parameters = append(o.Parameters, &huma.Param{Name: strings.Trim(part, "{}"), In: "path", Required: true, Schema: text})
		}
	}
	for _, name := range raw.Query {
		o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "query", Schema: text})
	}
}

// spec is the description, written out once after everything is mounted.
type spec struct {
	once sync.Once
	body []byte
}

func (rt *Router) openapi(w http.ResponseWriter, _ *http.Request) {
	rt.spec.once.Do(func() {
		finish(rt.api.OpenAPI())
		body, err := json.MarshalIndent(rt.api.OpenAPI(), "", " ")
		if err != nil {
			panic(fmt.Errorf("describe the API: %w", err))
		}
		rt.spec.body = body
	})
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(rt.spec.body) // a client that has left is no error of ours
}

// finish corrects what reflection cannot know: numbers that are written as text,
// huma's own error shape, which is never answered, and what readers want first.
func finish(o *huma.OpenAPI) {
	o.Tags = tags(o)
	schemas := o.Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	if job, ok := schemas["Job"]; ok {
		job.Properties["id"] = &huma.Schema{Type: huma.TypeString, Description: "A decimal number as text."}
	}
}

// tags are the groups of operations: the faces in the order of their names, then
// the server's own.
func tags(o *huma.OpenAPI) []*huma.Tag {
	seen := map[string]bool{}
	var names []string
	for _, item := range o.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil && !seen[op.Tags[0]] {
				seen[op.Tags[0]] = true
				names = append(names, op.Tags[0])
			}
		}
	}
	slices.Sort(names)
	out := make([]*huma.Tag, 0, len(names))
	for _, name := range names {
		out = append(out, &huma.Tag{Name: name})
	}
	return out
}
